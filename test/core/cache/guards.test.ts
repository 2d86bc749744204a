import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GuardName } from '../../../lambdas/core/cache/guards/guard.ts';
import { findGuardRefusal, GUARDS } from '../../../lambdas/core/cache/guards/guards.ts';

const guard = (name: GuardName) => {
  const found = GUARDS.get(name);
  if (found === undefined) throw new Error(`no guard ${name}`);
  return found;
};

/** By guard: what it sets apart, and what it lets pass. None of it is in the labelled set. */
const CASES: Record<GuardName, { apart: [string, string][]; alike: [string, string][] }> = {
  numbers: {
    apart: [
      ['the last 3 invoices', 'the last 33 invoices'],
      ['a list of three', 'a list of four'],
      ['is 1.5 enough', 'is 15 enough'],
      ['minus: -4 degrees', 'minus: 4 degrees'],
      ['version 1.2.3', 'version 1.2.4'],
      ['port 80 or 443', 'port 80'],
      ['twenty-one guests', 'twenty-two guests'],
      ['2 and 2', '2'],
      ['第三章', '第四章'],
      ['45k users', '54k users'],
      ['123456789012345678901', '123456789012345678902'],
      ['what is new in 3.10', 'what is new in 3.1'],
      ['what is the root of 3.125', 'what is the root of 3125'],
      ['the first step', 'the step'],
    ],
    alike: [
      ['1,000 users', '1000 users'],
      ['1.000.000 Leute', '1,000,000 people'],
      ['2.50 off', '2,50 off'],
      ['5.00 off', '5 off'],
      ['twenty-five guests', '25 guests'],
      ['two hundred guests', '200 guests'],
      ['a one day trip', 'a 1 day trip'],
      ['the 21st century', 'the twenty first century'],
      ['which one is it', 'which is it'],
      ['a 30 second break', 'a break of 30 seconds'],
      ['open at 09:30', 'open at 9:30'],
      ['45k users', '45,000 users'],
      ['５ apples', '5 apples'],
    ],
  },
  times: {
    apart: [
      ['closed on Friday', 'closed on Thursday'],
      ['in May', 'in March'],
      ['5 am', '5 pm'],
      ['5am', '5pm'],
      ['at 10:15', 'at 10:45'],
      ['last year', 'next year'],
      ['every week', 'every month'],
      ['am Montag', 'am Dienstag'],
      ['今天', '明天'],
      ['in an hour', 'for an hour'],
      ['by Friday', 'on Friday'],
      ['at midnight', 'at night'],
    ],
    alike: [
      ['closed on Fridays', 'closed on Friday'],
      ['may I go', 'can I go'],
      ['they march on', 'they go on'],
      ['I am here', 'here I am'],
      ['a daily report', 'a report every day'],
      ['at 09:05', 'at 9:05'],
    ],
  },
  negation: {
    apart: [
      ['it works', "it doesn't work"],
      ['with sugar', 'without sugar'],
      ['es geht', 'es geht nicht'],
      ['je veux', 'je ne veux pas'],
      ['con azúcar', 'sin azúcar'],
      ['食べる', '食べない'],
      ['open and not locked', 'not open and locked'],
      ['não quero', 'quero'],
    ],
    alike: [
      ["I can't see it", 'I cannot see it'],
      ['it doesn’t work', 'it does not work'],
      ['no sugar', 'without sugar'],
    ],
  },
  antonyms: {
    apart: [
      ['raise the volume', 'lower the volume'],
      ['install the update', 'uninstall the update'],
      ['subscribe to the list', 'unsubscribe from the list'],
      ['is it legal', 'is it illegal'],
      ['compress a file', 'decompress a file'],
      ['log in', 'log out'],
      ['I give it to a friend', 'I get it from a friend'],
      ['over the limit', 'under the limit'],
      ['Fenster öffnen', 'Fenster schließen'],
    ],
    alike: [
      ['raise the volume', 'increase the volume'],
      ['turn on the light', 'switch on the light'],
      ['log out of the app in the car', 'log out of the app'],
      ['buy or sell', 'sell or buy'],
    ],
  },
  units: {
    apart: [
      ['10 kg', '10 lb'],
      ['$20', '€20'],
      ['20 dollars', '20 euros'],
      ['5mg', '5g'],
      ['30 seconds', '30 minutes'],
      ['in miles', 'in kilometers'],
      ['10 %', '10 euros'],
      ['shown in seconds', 'shown in minutes'],
      ['the hours of a day', 'the hours of a week'],
    ],
    alike: [
      ['10kg', '10 kilograms'],
      ['$20', '20 USD'],
      ['15%', '15 percent'],
      ['20 km', '20 kilometres'],
      ['in what year', 'when'],
      ['an hourly report', 'a report every hour'],
    ],
  },
  languages: {
    apart: [
      ['say it in Polish', 'say it in Turkish'],
      ['where is the station', 'wo ist der Bahnhof'],
      ['where is the station', 'où est la gare'],
      ['where is the station', '駅はどこですか'],
      ['车站在哪里', '駅はどこですか'],
    ],
    alike: [
      ['say it in Polish', 'how do I say it in polish'],
      ['wo ist der Bahnhof', 'wo finde ich den Bahnhof'],
      ['ok', 'okay'],
    ],
  },
  names: {
    apart: [
      ['the mayor of Porto', 'the mayor of Braga'],
      ['who is Ada Lovelace', 'who is Ada Byron'],
      ['a hotel in Oslo', 'a hotel'],
      ['call API X', 'call SDK X'],
      ['rich in vitamin A', 'rich in vitamin E'],
      ['use a Map in Java', 'use a map in Java'],
    ],
    alike: [
      ['who is Ada Lovelace', 'who is Lovelace'],
      ["Porto's mayor is who", 'who is mayor in Porto'],
      ['How Do I Get There By Bus', 'how do I get there by bus'],
      ['I think so', 'so I think'],
      ['closed on Mondays', 'closed on Monday'],
    ],
  },
  'code-tokens': {
    apart: [
      ['what does ls -a do', 'what does ls -l do'],
      ['fix foo_bar', 'fix foo_baz'],
      ['fix fooBar', 'fix foobar'],
      ['call run()', 'call stop()'],
      ['is a != b', 'is a == b'],
      ['open /tmp/a', 'open /tmp/b'],
      ['item X-100', 'item X-200'],
      ['use Map<string>', 'use Map<number>'],
      ['what is ?? for', 'what is ?. for'],
    ],
    alike: [
      ['fix `foo_bar`', 'fix foo_bar?'],
      ['(see below)', 'see below'],
      ['what does ls -a do?', 'what is ls -a for'],
      ['5mg of it', '5 mg of it'],
      ['so - what is it', 'what is it'],
      ['21 % of it', '21% of it'],
      ['the 14th of it', 'the fourteenth of it'],
    ],
  },
  'word-order': {
    apart: [
      ['from Graz to Linz', 'from Linz to Graz'],
      ['teachers praise pupils', 'pupils praise teachers'],
      ['is tea better than coffee', 'is coffee better than tea'],
      ['turn pounds to kilos', 'please turn kilos to pounds'],
      ['von Graz nach Linz', 'von Linz nach Graz'],
      ['我爱你', '你爱我'],
      ['is Ann owned by Bob', 'is Bob owned by Ann'],
      ['does rust cause cracks', 'can cracks cause rust'],
      ['letters about Rilke', 'letters by Rilke'],
      ['a list of maps', 'a map of lists'],
      ['may I comment before I pay', 'may I pay before I comment'],
      ['how many weeks has a year', 'how many years are in a week'],
      ['round a sum to 2 digits', 'round 2 digits to a sum'],
      ['send a friend a letter', 'send a friend to a letter'],
      ['erase it without deleting the copy', 'delete it without erasing the copy'],
      ['can a nurse refuse to help a doctor', 'can a doctor refuse to be helped by a nurse'],
      ['move from version 3 to version 4', 'move from version 4 to version 3'],
      ['from Graz to Linz and to Wels', 'to Graz and to Wels, from Linz'],
    ],
    alike: [
      ['from Graz to Linz by bus', 'by bus from Graz to Linz'],
      ['a tomato soup recipe', 'a recipe for tomato soup'],
      ['to Linz from Graz', 'from Graz to Linz'],
      ['does Bob own Ann', 'is Ann owned by Bob'],
      ['which tower is the tallest', 'what is the tallest tower'],
      ['is it legal to whistle', 'is whistling legal'],
      ["Rome's oldest bridge", 'the oldest bridge in Rome'],
      ['if it rains, is the zoo open', 'is the zoo open if it rains'],
      ['tea and milk', 'milk and tea'],
      ['Wie koche ich Reis', 'Wie kann ich Reis kochen'],
      ['move from version 3 to version 4', 'how to move from version 3 to version 4'],
      ['from Graz to Linz to Graz', 'a trip from Graz to Linz to Graz'],
    ],
  },
  'question-words': {
    apart: [
      ['when did he die', 'where did he die'],
      ['how long is it', 'how old is it'],
      ['how do I do it', 'why do I do it'],
    ],
    alike: [
      ['when did he die', 'in what year did he die'],
      ['how high is it', 'what height is it'],
      ['how much is it', 'how many are there'],
    ],
  },
  asking: {
    apart: [
      ['can my neighbour report me', 'can I report my neighbour'],
      ['may I tip', 'must I tip'],
      ['should I sell', 'can I sell'],
      ['why is it late', 'is it late'],
      ['did it rain', 'does it rain'],
      ['who saw the fox', 'who did the fox see'],
      ['what do owls eat', 'what eats owls'],
      ['is it possible to report my boss', 'can my boss report me'],
      ['why has it restarted', 'why does it restart'],
      ['whose dog is it', 'who is it'],
      ['how often is it', 'how is it'],
      ['in what year did it fall', 'why did it fall'],
      ['who inherits', 'what is inherited'],
      ['has the bank raised rates', 'will the bank raise rates'],
      ['must I pay', 'did I have to pay'],
      ['who owns the barn', 'who owned the barn'],
      ['can my cousin use my bike', "can I use my cousin's bike"],
      ['feed my cat', 'feed your cat'],
      ['Darf ich bleiben?', 'Muss ich bleiben?'],
      ['¿Puedo entrar?', '¿Debo entrar?'],
      ['Puis-je entrer ?', 'Dois-je entrer ?'],
      ['Posso entrar?', 'Devo entrar?'],
      ['Posso entrare?', 'Devo entrare?'],
    ],
    alike: [
      ['how do I tip', 'how can I tip'],
      ['may I tip', 'is it possible to tip'],
      ['Do I have to tip?', 'must I tip'],
      ['can you explain how to tip', 'how do I tip'],
      ['what happens if it rains', 'what will happen if it rains'],
      ['why is the sea salty', 'what makes the sea salty'],
      ['can I freeze soup', 'can soup be frozen'],
    ],
  },
  'scope-words': {
    apart: [
      ['are all cats grey', 'are any cats grey'],
      ['only members may enter', 'members may enter'],
      ['tea and milk', 'tea or milk'],
      ['is it still open', 'is it open'],
      ['as old as Rome', 'older than Rome'],
      ['the taller tower', 'the tallest tower'],
      ['alle Katzen', 'manche Katzen'],
      ['¿Puedo tomar té o café?', '¿Puedo tomar té y café?'],
    ],
    alike: [
      ['all cats', 'every cat'],
      ['a report every day', 'a daily report'],
      ['is there any way to do it', 'how do I do it'],
      ['a test', 'an interest'],
    ],
  },
  'swapped-words': {
    apart: [
      ['cancel my booking', 'move my booking'],
      ['is there a park', 'is there parking'],
      ['the credit', 'the creditor'],
      ['update my phone', 'change my phone'],
      ['a cure for gout', 'a cure for acne'],
    ],
    alike: [
      ['cancel my booking', 'how can I cancel a booking'],
      ['erase a row', 'delete a row'],
      ['is she pregnant', 'is it a pregnancy'],
    ],
  },
  'added-words': {
    apart: [
      ['boil potatoes', 'boil sweet potatoes'],
      ['boil potatoes', `boil potatoes ${'so to say '.repeat(6)}`],
    ],
    alike: [['boil potatoes', 'please tell me how to boil potatoes']],
  },
  'hidden-text': {
    apart: [
      ['feed my cat', 'feed my cat\u{e0053}\u{e0061}\u{e0079}'],
      ['feed my cat', 'feed my\u200b cat'],
      ['feed my cat', 'feed my cat\ufeff'],
      ['feed my cat', 'feed my cat\ue000'],
      ['feed my cat', 'feed my cat\ufffd'],
    ],
    alike: [
      ['feed my cat', 'feed  my\tcat\r\n'],
      ['nourrir mon chat\u202f?', 'nourrir mon chat ?'],
    ],
  },
  'given-text': {
    apart: [
      ['is "ab" a word', 'is "AB" a word'],
      ["count the signs of 'a b'", "count the signs of 'a  b'"],
      ['is “she ran” whole', 'is “she ran.” whole'],
      ['is « été » right', 'is « ete » right'],
      ['mend: she run', 'mend: She run'],
      ['mend:\nif x:\n  y()', 'mend:\nif x:\ny()'],
      ['why\n  a\n  b', 'why\n  a\nb'],
      ['a\tb', 'a b'],
    ],
    alike: [
      ['is "ab" a word', 'is ab a word'],
      ['is "ab" a word', 'is «\u00a0ab\u00a0» a word'],
      ['translate into Dutch: good day', 'translate "good day" into Dutch'],
      ['open at 9:30', 'when at 9:30'],
      ['Quick question: how are you', 'how are you'],
      ["don't feed it", "it isn't fed"],
    ],
  },
  'written-forms': {
    apart: [
      ['who may Polish it', 'who may polish it'],
      ['is NaN odd', 'is NAN odd'],
      ['kennen Sie den Weg', 'kennen sie den Weg'],
      ['hat Tom die Armen gesehen', 'hat Tom die armen gesehen'],
      ['is it the cats bowl', "is it the cat's bowl"],
      ['is its lid on', "is it's lid on"],
      ['es para el', 'es para él'],
      ['est-il la', 'est-il là'],
      ['how do I use word', 'how do i use Word'],
      ['where is NY now', 'where is ny now'],
      ['pH of PH', 'PH of pH'],
    ],
    alike: [
      ['When is it', 'it is when'],
      ['It rains. Why?', 'why? it rains.'],
      ['how do i get to berlin', 'How do I get to Berlin?'],
      ["the dog's bowl", 'the dog’s bowl'],
      ["what's that", 'what is that'],
      ['Can I go', 'so can i go'],
    ],
  },
  signs: {
    apart: [
      ['is 5 ≥ 3', 'is 5 ≤ 3'],
      ['what is x²', 'what is x³'],
      ['what is a-b-c', 'what is a-(b-c)'],
      ['come, Tom', 'come Tom'],
      ['it is 🇫🇷', 'it is 🇩🇪'],
      ['what does ; do', 'what does : do'],
      ['is √9 odd', 'is 9 odd'],
      ['feed it <!-- -->', 'feed it'],
      ['feed it ?!?!?!', 'feed it'],
      ['ten-day old cats', 'ten day-old cats'],
      ["what is x''", "what is x'"],
      ['how far is 5"', 'how far is 5'],
      ['what is 5!?', 'what is 5?'],
    ],
    alike: [
      ['feed it', 'feed it?!'],
      ['if it rains, who comes', 'who comes if it rains'],
      ['two-factor codes', 'two factor codes'],
      ['a re‑run', 'a re-run'],
      ['it costs 15 %', 'it costs 15 percent'],
      ['¿es rojo?', 'es rojo'],
      ['Est-ce rouge ?', 'Est-ce rouge?'],
      ['is "red" it', 'is “red” it'],
    ],
  },
  persons: {
    apart: [
      ['do I know you', 'do you know me'],
      ['did he see her', 'did she see him'],
      ['are they yours', 'are they his'],
      ['where can I meet you', 'where can you meet'],
      ['can my sister blame me', 'can I blame my sister'],
      ['can I wash myself', 'can I wash him'],
      ['wann sehe ich dich', 'wann siehst du mich'],
      ['wie lobt man mich', 'wie lobe ich'],
      ['wo ist Ihr Hut', 'wo ist ihr Hut'],
      ['wer sieht sie', 'wer sieht ihn'],
      ['est-ce que je te plais', 'est-ce que tu me plais'],
      ['où est ta clé', 'où est sa clé'],
      ['¿te conozco de aquí?', '¿me conoces de aquí?'],
      ['puedo pagarte con esto', 'puedo pagarle con esto'],
      ['come ti chiami', 'come si chiama'],
      ['onde está o teu carro', 'onde está o seu carro'],
    ],
    alike: [
      ['how do I tip you', 'how to tip you'],
      ['wash my dog', 'wash a dog'],
      ['may I take my dog with me', 'may I take my dog'],
      ['can you tell me when it rains', 'when does it rain'],
      ['wie kocht man Reis', 'wie koche ich Reis'],
      ['wie melde ich mich an', 'wie kann ich mich anmelden'],
      ['Le parc est-il ouvert', 'Est-ce que le parc est ouvert'],
      ['Faut-il payer', "Est-ce qu'il faut payer"],
      ['Est-il permis de payer', 'Peut-on payer'],
      ['¿cómo se lava la lana?', '¿cómo puedo lavar la lana?'],
    ],
  },
  'moved-words': {
    apart: [
      ['who calls whom', 'whom calls who'],
      ['had he it sold', 'had he sold it'],
      ['the sister of the son of a king', 'the son of the sister of a king'],
    ],
    alike: [
      ['if it rains, is it open', 'is it open if it rains'],
      ['tea and milk', 'milk and tea'],
      ['to Linz from Graz', 'from Graz to Linz'],
    ],
  },
  'german-cases': {
    apart: [
      ['sieht der Fuchs den Dachs', 'sieht den Fuchs der Dachs'],
      ['hilft dem Koch der Kellner', 'hilft der Koch dem Kellner'],
    ],
    alike: [
      ['was kostet der Koffer', 'wie teuer ist es, den Koffer zu kaufen'],
      ['wie öffne ich den Koffer', 'den Koffer öffnen, wie geht das'],
    ],
  },
  'verb-endings': {
    apart: [
      ['¿cuándo salto?', '¿cuándo saltas?'],
      ['¿dónde firmo?', '¿dónde firma?'],
      ['dove canto con mio padre', 'dove cantiamo con mio padre'],
    ],
    alike: [
      ['¿cómo salto?', '¿cómo saltar?'],
      ['where is the piano', 'where are the pianos'],
      ['¿dónde firmo?', '¿dónde puedo firmar?'],
      ['¿dónde firmo?', '¿dónde se firma?'],
    ],
  },
  links: {
    apart: [
      ['hire out a boat', 'hire a boat'],
      ['apply for work', 'apply to work'],
      ['who do I sing for', 'who do I sing'],
      ['look after the dog', 'look at the dog'],
      ['turn the tap up', 'turn the tap'],
      ['who is fond of cats', 'who are cats fond of'],
      ['er stellt das Radio ein', 'er stellt das Radio vor'],
      ['on paie à la caisse', 'on paie la caisse'],
      ['pagar a la entrega', 'pagar la entrega'],
    ],
    alike: [
      ['look for the keys', 'look for my keys'],
      ['the best way of rowing', 'the best way to row'],
      ['is it possible for my son to row', 'can my son row'],
      ['log in to the app', 'log into the app'],
      ['does it open on Monday', 'does it open Monday'],
      ['a recipe for tomato soup', 'a tomato soup recipe'],
    ],
  },
};

describe.each(Object.entries(CASES) as [GuardName, (typeof CASES)[GuardName]][])('%s', (name, { apart, alike }) => {
  test.each(apart)('sets apart: %s | %s', (a, b) => {
    expect(guard(name)(a, b)).toEqual(expect.any(String));
    expect(guard(name)(b, a)).toEqual(expect.any(String));
  });

  test.each(alike)('lets pass: %s | %s', (a, b) => {
    expect(guard(name)(a, b)).toBeUndefined();
    expect(guard(name)(b, a)).toBeUndefined();
  });
});

const snippets = fc.constantFrom(
  ...'how many from Graz to Linz not 3 3rd three 1,000 -5 $5 5kg Polish isn’t a_b foo() == 月曜日 不 un able able May 7:30 twenty five . ? ` \n I you me my pay for out « " \u200b Sie sie √ - ( : dog’s'.split(
    ' ',
  ),
);
/** A few words, said again and again: what a guard that remembers a word's last place gets wrong. */
const repeated = fc
  .uniqueArray(snippets, { minLength: 1, maxLength: 4 })
  .chain((words) => fc.array(fc.constantFrom(...words), { maxLength: 10 }))
  .map((words) => words.join(' '));
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.array(snippets, { maxLength: 12 }).map((words) => words.join(' ')),
  repeated,
);
const twoTexts = fc.oneof(
  fc.tuple(texts, texts),
  repeated.chain((text) => fc.shuffledSubarray(text.split(' ')).map((words) => [text, words.join(' ')] as const)),
);

test('a guard says the same of two texts whichever comes first, and nothing of a text and itself', () => {
  fc.assert(
    fc.property(twoTexts, ([a, b]) => {
      for (const differ of GUARDS.values()) {
        expect(differ(a, a)).toBeUndefined();
        // What is quoted, or given after a colon or by lines, is compared blank by blank.
        if (!/["'`“„«‘:\n]/u.test(a)) expect(differ(a, ` ${a.replaceAll(' ', '  ')} `)).toBeUndefined();
        expect(differ(a, b) === undefined).toBe(differ(b, a) === undefined);
      }
    }),
    { numRuns: 300 },
  );
});

test.each([
  'from Linz to Linz',
  'to times von times',
  'How do I upgrade from version 3 to version 4?',
  "'ninety once",
  'from Graz to Linz to Graz by bus with a bus',
])('nothing is set apart from itself, spaced wider: %s', (text) => {
  for (const [name, differ] of GUARDS)
    expect([name, differ(text, text), differ(text, text.replaceAll(' ', '  '))]).toEqual([name, undefined, undefined]);
});

/** What makes a badly written pattern take minutes. */
const HOSTILE: Record<string, string | readonly [begin: string, piece: string, end: string]> = {
  'one letter': 'a',
  'one digit': '9',
  commas: '1,',
  'groups of digits': '1,000',
  minuses: ' -1',
  apostrophes: "a'",
  hyphens: 'a-',
  parentheses: '(',
  calls: 'f(',
  spaces: ' ',
  dots: 'a.',
  capitals: 'Ab ',
  'one sign': '不',
  'negated words': 'un',
  'times of day': '1:11',
  quotes: '"',
  backticks: '`',
  'opened quotes': '„',
  'opened guillemets': '« ',
  'single quotes': " '",
  colons: ': ',
  persons: 'me ',
  prepositions: 'of ',
  'lines and blanks': '\n    ',
  'hidden characters': '\u200b',
  'possible for': 'possible for a ',
  'distinct words': '',
  'words of one root': 'root',
  'signs before a letter': ['Is ', '.', 'x'],
  'quotes before a letter': ['Is ', '”', 'x'],
  'signs between two digits': ['Is 1', '.', '1'],
};

test.each(Object.entries(HOSTILE))('20,000 characters of %s are judged', (name, hostile) => {
  const [begin, piece, end] = typeof hostile === 'string' ? ['', hostile, ''] : hostile;
  const words = (from: number) =>
    Array.from({ length: 4_000 }, (_, i) => `${piece}${(from + i).toString(36)}x `)
      .join('')
      .slice(0, 19_990);
  const isCounted = name === 'distinct words' || name === 'words of one root';
  const run = piece.repeat(20_000).slice(0, 19_990 - begin.length - end.length);
  const a = isCounted ? words(0) : `${begin}${run}${end}`;
  const b = isCounted ? words(900_000) : end === '' ? `${a.slice(0, -1)}b` : `${a} b`;
  for (const differ of GUARDS.values())
    expect([undefined, 'string']).toContain(differ(a, b) === undefined ? undefined : 'string');
});

test('what is longer than 20,000 characters is not compared', () => {
  expect(findGuardRefusal('a'.repeat(20_001), 'a')).toEqual({ guard: 'length', reason: 'too long to compare' });
});
