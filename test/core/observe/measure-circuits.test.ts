import { describe, expect, test } from '@jest/globals';
import type { MetricRecord } from '../../../lambdas/contract/metrics.ts';
import { openCircuit, untouchedCircuit } from '../../../lambdas/core/call/circuit.ts';
import type { CircuitRecord } from '../../../lambdas/core/call/circuit-store.ts';
import { measureCircuits } from '../../../lambdas/core/observe/measure-circuits.ts';
import type { Alias } from '../../../lambdas/core/target.ts';

const NOW = 1_000_000_000;

const alias = (name: string, ...ids: string[]): Alias =>
  ({ name, targets: ids.map((id) => ({ id })) }) as unknown as Alias;
const open = (target: string): CircuitRecord => openCircuit(untouchedCircuit(target), NOW, 0, 'server_error');
const closed = (target: string): CircuitRecord => ({ ...untouchedCircuit(target), version: 3 });
const byHand = (target: string, state: 'open' | 'closed', from: CircuitRecord): CircuitRecord => ({
  ...from,
  target,
  override: { state, until: NOW + 60_000 },
});

const under = (records: MetricRecord[], dimensions: Record<string, string> = {}) =>
  records.find((record) => JSON.stringify(record.dimensions) === JSON.stringify(dimensions))?.values;
const measure = (records: CircuitRecord[], ...aliases: Alias[]) => measureCircuits(records, aliases, NOW + 1_000);

describe('metrics of circuits', () => {
  test('one of two is open: its model says so, the alias is not shut', () => {
    const records = measure([open('a/m')], alias('assistant', 'a/m', 'b/m'));
    expect(under(records, { Provider: 'a', Model: 'm' })).toEqual({ CircuitOpen: [1] });
    expect(under(records, { Alias: 'assistant' })).toEqual({ AllCircuitsOpen: [0] });
    expect(under(records)).toEqual({ CircuitOpen: [1], AllCircuitsOpen: [0] });
    expect(under(records, { Provider: 'b', Model: 'm' })).toBeUndefined();
  });

  test('all are open: the alias is shut, each alias by itself', () => {
    const records = measure([open('a/m'), open('b/m')], alias('assistant', 'a/m', 'b/m'), alias('other', 'a/m', 'c/m'));
    expect(under(records, { Alias: 'assistant' })).toEqual({ AllCircuitsOpen: [1] });
    expect(under(records, { Alias: 'other' })).toEqual({ AllCircuitsOpen: [0] });
    expect(under(records)).toEqual({ CircuitOpen: [2], AllCircuitsOpen: [1] });
  });

  test('a canary on trial is no way out for the others, one that has all is', () => {
    const tried = (share: number): Alias => {
      const { targets, ...rest } = alias('assistant', 'a/m', 'a/n');
      return {
        ...rest,
        targets: targets.map((one) => (one.id === 'a/n' ? { ...one, canaryOf: { target: 'a/m', share } } : one)),
      };
    };
    expect(under(measure([open('a/m')], tried(0.1)), { Alias: 'assistant' })).toEqual({ AllCircuitsOpen: [1] });
    expect(under(measure([open('a/n')], tried(0.1)), { Alias: 'assistant' })).toEqual({ AllCircuitsOpen: [0] });
    expect(under(measure([open('a/m')], tried(1)), { Alias: 'assistant' })).toEqual({ AllCircuitsOpen: [0] });
  });

  test('what is whole again is told as 0, so that the picture ends', () => {
    const records = measure([closed('a/m')], alias('assistant', 'a/m'));
    expect(under(records, { Provider: 'a', Model: 'm' })).toEqual({ CircuitOpen: [0] });
    expect(under(records)).toEqual({ CircuitOpen: [0], AllCircuitsOpen: [0] });
  });

  test('an open time that is up is no closed circuit: one prober gets through, no user', () => {
    const records = measureCircuits([open('a/m')], [alias('assistant', 'a/m')], NOW + 60 * 60_000);
    expect(under(records, { Alias: 'assistant' })).toEqual({ AllCircuitsOpen: [1] });
  });

  test('a hand on it counts more than the circuit, either way', () => {
    const records = measure(
      [byHand('a/m', 'open', closed('a/m')), byHand('b/m', 'closed', open('b/m'))],
      alias('x', 'a/m'),
      alias('y', 'b/m'),
    );
    expect(under(records, { Alias: 'x' })).toEqual({ AllCircuitsOpen: [1] });
    expect(under(records, { Alias: 'y' })).toEqual({ AllCircuitsOpen: [0] });
  });

  test('regions of one model are one metric: open while any of them is', () => {
    const both = alias('assistant', 'bedrock/m@us-east-1', 'bedrock/m@us-west-2');
    for (const records of [
      [open('bedrock/m@us-east-1'), closed('bedrock/m@us-west-2')],
      [closed('bedrock/m@us-east-1'), open('bedrock/m@us-west-2')],
    ]) {
      const measured = measure(records, both);
      expect(under(measured, { Provider: 'bedrock', Model: 'm' })).toEqual({ CircuitOpen: [1] });
      expect(under(measured)).toEqual({ CircuitOpen: [1], AllCircuitsOpen: [0] });
    }
  });

  test('nothing is said where nothing has ever broken, nor of a target that the configuration has no more', () => {
    expect(measure([], alias('assistant', 'a/m'))).toEqual([]);
    expect(measure([open('gone/m')], alias('assistant', 'a/m'))).toEqual([]);
  });
});
