/** BERT's tokenizer, uncased: how MiniLM's vocabulary cuts a text into pieces of words. */
export interface WordPiece {
  /** Ids with `[CLS]` before and `[SEP]` after; how many pieces are unknown to the vocabulary. Stops at `most` ids, and says so. */
  encode(text: string, most: number): { ids: number[]; unknown: number; isCut: boolean };
}

/** Of a word; longer ones are unknown as a whole. */
const LONGEST_WORD = 100;
const PREFIX = '##';

/** @throws {Error} where it is no WordPiece tokenizer of an uncased BERT: another would cut in other ways. */
export const parseTokenizer = (json: string): WordPiece => {
  const {
    model,
    normalizer,
    pre_tokenizer: splitter,
  } = JSON.parse(json) as {
    model?: { type?: string; vocab?: Record<string, number>; unk_token?: string; continuing_subword_prefix?: string };
    normalizer?: { type?: string; lowercase?: boolean };
    pre_tokenizer?: { type?: string };
  };
  const isUncasedBert =
    model?.type === 'WordPiece' &&
    model.continuing_subword_prefix === PREFIX &&
    normalizer?.type === 'BertNormalizer' &&
    normalizer.lowercase === true &&
    splitter?.type === 'BertPreTokenizer';
  if (!isUncasedBert || model.vocab === undefined) throw new Error('not the tokenizer of an uncased BERT');
  return makeWordPiece(new Map(Object.entries(model.vocab)));
};

/** @param vocabulary each piece's id; those inside a word begin with `##` */
export const makeWordPiece = (vocabulary: ReadonlyMap<string, number>): WordPiece => {
  const idOf = (piece: string): number => {
    const id = vocabulary.get(piece);
    if (id === undefined) throw new Error(`the vocabulary has no ${piece}`);
    return id;
  };
  const [start, end, unknownId] = [idOf('[CLS]'), idOf('[SEP]'), idOf('[UNK]')];
  return {
    encode(text, most) {
      const ids = [start];
      let unknown = 0;
      for (const word of splitWords(text)) {
        const pieces = cutWord(word, vocabulary);
        if (pieces === undefined) unknown += 1;
        for (const id of pieces ?? [unknownId]) {
          if (ids.length >= most - 1) return { ids: [...ids, end], unknown, isCut: true };
          ids.push(id);
        }
      }
      return { ids: [...ids, end], unknown, isCut: false };
    },
  };
};

/** The longest piece that fits, then the longest of what is left; undefined where nothing fits. */
const cutWord = (word: string, vocabulary: ReadonlyMap<string, number>): number[] | undefined => {
  const signs = [...word];
  if (signs.length > LONGEST_WORD) return undefined;
  const ids: number[] = [];
  for (let from = 0; from < signs.length; ) {
    let to = signs.length;
    let id: number | undefined;
    for (; to > from; to--) {
      id = vocabulary.get((from > 0 ? PREFIX : '') + signs.slice(from, to).join(''));
      if (id !== undefined) break;
    }
    if (id === undefined) return undefined;
    ids.push(id);
    from = to;
  }
  return ids;
};

/** Han characters stand alone: the blocks that BERT counts as Chinese. */
const HAN =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
/** Control, format and private characters but tab and line ends; the replacement character. */
const NOISE = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\ufffd]/gu;
const ACCENT = /\p{Mn}/gu;
/** Punctuation as BERT has it: Unicode's, and every ASCII sign that is no letter or digit. */
const WORD_OR_SIGN = /[\p{P}!-/:-@[-`{-~]|[^\s\p{P}!-/:-@[-`{-~]+/gu;

const splitWords = function* (text: string): Generator<string> {
  const normal = text.replace(NOISE, '').replace(HAN, ' $& ').normalize('NFD').replace(ACCENT, '').toLowerCase();
  for (const [word] of normal.matchAll(WORD_OR_SIGN)) yield word;
};
