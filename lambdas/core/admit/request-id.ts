import { LANES } from '../../contract/timing.ts';

const RANDOM_TEXT = /^[0-9A-Za-z]{16,64}$/;
const REQUEST_ID = /^req_(0|[1-9a-z][0-9a-z]{0,8})_(0|[1-9][0-9]?)_([0-9A-Za-z]{16,64})$/;

export interface RequestIdParts {
  epoch: number;
  /** Spreads one epoch's entries over several partitions, so that reading them all is a few bounded queries. */
  lane: number;
  /** At least 16 letters and digits (95 bits), so that nobody meets or guesses another's id. */
  random: string;
}

/**
 * `req_<epoch base 36>_<lane>_<random>`: says where its ledger entry lies, so that a receipt is one read.
 *
 * @throws {RangeError} when a part is not what `parseRequestId` would give back.
 */
export const makeRequestId = ({ epoch, lane, random }: RequestIdParts): string => {
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw new RangeError(`epoch: expected a whole number, got ${epoch}`);
  if (!Number.isInteger(lane) || lane < 0 || lane >= LANES)
    throw new RangeError(`lane: expected 0 to ${LANES - 1}, got ${lane}`);
  if (!RANDOM_TEXT.test(random))
    throw new RangeError(`random: expected 16 to 64 letters and digits, got ${random.length} characters`);
  return `req_${epoch.toString(36)}_${lane}_${random}`;
};

/** @returns undefined for anything that `makeRequestId` could not have made. */
export const parseRequestId = (id: string): RequestIdParts | undefined => {
  const [, epochText, laneText, random] = REQUEST_ID.exec(id) ?? [];
  if (epochText === undefined || laneText === undefined || random === undefined) return undefined;
  const epoch = Number.parseInt(epochText, 36);
  const lane = Number(laneText);
  return lane < LANES ? { epoch, lane, random } : undefined;
};
