/** Without case, accents and apostrophes: words that are another word with a capital, and that somebody who sets none may mean either way. */
const OTHER_WITH_CAPITAL: ReadonlySet<string> = new Set(
  [
    'polish turkey china march may august april june job nice reading mobile bath cork mark bill will rose frank rich jack art grace hope joy faith chase grant pat ray sue drew dick bob rob dean earl guy gene hank herb jay jean lance miles penny ruby pearl olive violet iris ivy lily daisy amber crystal hazel holly heather melody harmony summer autumn dawn eve',
    'apple amazon windows word excel access outlook teams shell target orange oracle swift rust go python java basic scheme dart ada pascal gap visa discover chase ally square stripe slack zoom signal meta edge chrome safari explorer bing office publisher project visio paint pages numbers keynote notes mail messages photos music books news stocks health wallet fortnight gates',
    'mercury earth mars sun moon venus saturn lent easter mass god lord pope church state congress house senate cabinet labour labor liberal conservative green democrat republican democratic catholic orthodox protestant reformation renaissance internet web union west east north south creole welsh scot dutch danish finnish swede pole hamburg frankfurt wiener berliner champagne cologne guinea jersey afghan slough hull sandwich deal battle rugby derby lima chad georgia jordan togo mali niger cuba cuban congo java bali',
    'sie ihr ihnen ihre ihren ihrem ihrer ihres du dich dir dein',
    'essen weg morgen recht leid liebe arm reich rasen weise weisse gefangene genossen floh wagen sagen',
    'manche orange ouest est nord sud france eglise etat granada lima rosa pilar mercedes dolores leon paris nice',
    'co pm us it who id ok ph ma mw kb mb gb ip no in or me hi la al de pa oh',
  ]
    .join(' ')
    .split(' '),
);

/** @param key a word's letters alone, small */
export const onlyCapital = (key: string): boolean => key.length < 3 || OTHER_WITH_CAPITAL.has(key);
