import { CommandFailed, type Output, table } from '../output.ts';
import { type DirectRoute, measureAddedLatency } from './added-latency.ts';
import { CHECKS, type Check, checkHealth, readModels, type Verdict } from './checks.ts';
import { describeError, type Gateway } from './http.ts';

interface Result extends Verdict {
  check: string;
}

/**
 * Proves a running gateway from outside, as an application sees it, with a dozen small requests. Every check runs, also
 * after one has failed, unless the gateway can't be reached or the key may use nothing.
 *
 * @throws {CommandFailed} when a check has failed, with all results
 */
export const runSmoke = async (
  gateway: Gateway,
  options: { model?: string; direct?: DirectRoute } = {},
): Promise<Output> => {
  const results: Result[] = [];
  const record = async (check: string, run: () => Promise<Verdict>): Promise<boolean> => {
    const verdict = await run().catch(
      (error: unknown): Verdict => ({ outcome: 'failed', detail: describeError(error) }),
    );
    results.push({ check, ...verdict });
    return verdict.outcome !== 'failed';
  };

  let models: string[] = [];
  const isUp = await record(checkHealth.name, () => checkHealth.run(gateway, ''));
  const mayAsk =
    isUp &&
    (await record('models', async () => {
      const read = await readModels(gateway);
      models = read.models;
      return read.verdict;
    }));
  const model = options.model ?? models[0];
  if (mayAsk && model !== undefined) {
    for (const check of CHECKS satisfies readonly Check[]) await record(check.name, () => check.run(gateway, model));
    const { direct } = options;
    if (direct !== undefined) await record('added latency', () => latency({ gateway, model }, direct));
  }

  const output = report(results);
  const failed = results.filter(({ outcome }) => outcome === 'failed').map(({ check }) => check);
  if (failed.length > 0) throw new CommandFailed(`Failed: ${failed.join(', ')}`, output);
  return output;
};

/** Reported, not judged: what is much depends on the way to the gateway. */
const latency = async (through: DirectRoute, direct: DirectRoute): Promise<Verdict> => {
  const { throughMs, directMs, addedMs } = await measureAddedLatency(through, direct);
  return {
    outcome: 'ok',
    detail: `${addedMs} ms (median ${throughMs} ms through the gateway, ${directMs} ms directly)`,
  };
};

const report = (results: Result[]): Output => ({
  text: `${table(results.map(({ check, outcome, detail }) => [outcome === 'failed' ? 'FAILED' : outcome, check, detail]))}\n${summary(results)}`,
  data: { passed: results.every(({ outcome }) => outcome !== 'failed'), checks: results },
});

const summary = (results: Result[]): string => {
  const count = (outcome: Verdict['outcome']): number => results.filter((result) => result.outcome === outcome).length;
  return `${count('ok')} ok, ${count('failed')} failed, ${count('skipped')} could not be told`;
};
