import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Stage, startChaosGateway } from './chaos-gateway.ts';
import type { OpenFragile } from './scenarios/store-outage.ts';

/** `gone`: the store's file is no longer there, so that each call fails at once. `locked`: each write waits for a lock, in vain. */
export type StoreFault = 'gone' | 'locked';

/** A gateway on the embedded store, which is broken from outside. */
export const openFragileEmbedded =
  (stage: Stage, fault: StoreFault): OpenFragile =>
  async (config) => {
    const gateway = await startChaosGateway(config, stage);
    const [subject] = gateway.subjects;
    if (subject === undefined) throw new Error('no gateway');
    return {
      ...gateway,
      subject,
      wrongAccounts: () => gateway.wrongAccounts({ mayHold: true }),
      breakStore: () => BREAK[fault](join(gateway.dataDir, 'tollgate.db')),
    };
  };

const BREAK: Record<StoreFault, (file: string) => () => void> = {
  gone(file) {
    renameSync(file, `${file}.gone`);
    return () => renameSync(`${file}.gone`, file);
  },
  locked(file) {
    const locker = new DatabaseSync(file, { timeout: 10_000 });
    locker.exec('BEGIN IMMEDIATE');
    return () => {
      locker.exec('ROLLBACK');
      locker.close();
    };
  },
};
