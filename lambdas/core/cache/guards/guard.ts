/**
 * Looks at two questions that an embedder finds alike and says what sets them apart, for people; undefined where it finds
 * nothing. The same whichever comes first. Linear in the length of both, for any text.
 */
export type Guard = (a: string, b: string) => string | undefined;

export type GuardName =
  | 'hidden-text'
  | 'numbers'
  | 'times'
  | 'negation'
  | 'antonyms'
  | 'units'
  | 'languages'
  | 'names'
  | 'code-tokens'
  | 'word-order'
  | 'question-words'
  | 'asking'
  | 'scope-words'
  | 'swapped-words'
  | 'added-words'
  | 'given-text'
  | 'written-forms'
  | 'signs'
  | 'moved-words'
  | 'persons'
  | 'german-cases'
  | 'verb-endings'
  | 'links';
