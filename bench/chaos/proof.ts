/** A promise, what was seen of it, and whether that is what was promised. */
export interface Proof {
  promise: string;
  measured: string;
  isMet: boolean;
}
