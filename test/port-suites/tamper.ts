import type { Clock } from '../../lambdas/core/ports.ts';
import type { StoreWorld } from './store-world.ts';

/** Writes to the tables past the ledger, as somebody with the right to would. Requests have real ids. */
export interface Tamper {
  removeEntry(requestId: string): Promise<void>;
  changeEntry(requestId: string, change: EntryChange): Promise<void>;
  /** A second entry like this one, under another id, in that id's epoch. */
  copyEntry(requestId: string, to: string): Promise<void>;
  removeSeal(epoch: number): Promise<void>;
  /** Another digest: of some other entries, or of none. */
  changeSealDigest(epoch: number, digest: string): Promise<void>;
  /** Another cost of its first lane. */
  changeSealCost(epoch: number, cost: bigint): Promise<void>;
  /** More spent than there was. */
  addToAccount(account: string, amount: bigint): Promise<void>;
  removeAccount(account: string): Promise<void>;
  /** What earlier audits have noted of an account's entries. */
  removeSum(account: string): Promise<void>;
  /** As if the closer had run all the while up to this epoch: a year of empty epochs takes a store long to look through. */
  closedThrough(epoch: number): Promise<void>;
}

export interface EntryChange {
  cost?: bigint;
  hold?: bigint;
  user?: string;
  accounts?: string[];
  state?: 'settled' | 'lost' | 'refused';
}

export interface TamperedWorld extends StoreWorld {
  tamper: Tamper;
}

export type MakeTamperedWorld = (clock: Clock) => Promise<TamperedWorld>;
