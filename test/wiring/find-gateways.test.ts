import { describe, expect, test } from '@jest/globals';
import { SECRETS_OUTPUT, TABLE_OUTPUTS } from '../../lambdas/contract/stack-outputs.ts';
import { findGateways } from '../../lambdas/wiring/find-gateways.ts';

/** The outputs of a gateway with this id. */
const outputsOf = (id: string, more: Record<string, string> = {}): Record<string, string> => ({
  ...Object.fromEntries(Object.values(TABLE_OUTPUTS).map((output) => [id + output, `${id}-${output}`])),
  [`${id}BaseUrl`]: `https://${id}`,
  ...Object.fromEntries(Object.entries(more).map(([name, value]) => [id + name, value])),
});

describe('the gateways of a stack', () => {
  test('are found under any id, with what else they put out', () => {
    const [gateway, ...others] = findGateways(outputsOf('Ki0', { [SECRETS_OUTPUT]: '["a","b"]' }));
    expect(others).toEqual([]);
    expect(gateway).toMatchObject({
      id: 'Ki0',
      tables: { access: 'Ki0-AccessTable', ledger: 'Ki0-LedgerTable', accounts: 'Ki0-AccountsTable' },
      secretNames: ['a', 'b'],
    });
    expect(gateway?.outputs['BaseUrl']).toBe('https://Ki0');
  });

  test('are found among the outputs of other things, of which some end alike', () => {
    const outputs = { ...outputsOf('Ai'), SiteUrl: 'https://x', ShopLedgerTable: 'shop', ShopAccessTable: 'shop' };
    expect(findGateways(outputs).map(({ id }) => id)).toEqual(['Ai']);
    expect(findGateways({ SiteUrl: 'https://x', ShopLedgerTable: 'shop' })).toEqual([]);
  });

  test('keep their outputs apart where one id begins with another, or is empty', () => {
    const found = findGateways({ ...outputsOf('Ai'), ...outputsOf('AiTwo'), ...outputsOf('') });
    expect(found.map(({ id, outputs }) => [id, outputs['BaseUrl'], outputs['LedgerTable']])).toEqual([
      ['', 'https://', '-LedgerTable'],
      ['Ai', 'https://Ai', 'Ai-LedgerTable'],
      ['AiTwo', 'https://AiTwo', 'AiTwo-LedgerTable'],
    ]);
    expect(Object.keys(found[1]?.outputs ?? {}).filter((name) => name.startsWith('Two'))).toEqual([]);
  });

  test('of another version are found too, and say what they lack', () => {
    const { AiTargetsTable: _, ...older } = outputsOf('Ai');
    expect(findGateways(older)).toMatchObject([{ id: 'Ai', tables: { missing: ['TargetsTable'] } }]);
  });

  test.each(['', '{}', '[1]', 'a,b'])('do not tell their secrets where the output is %j', (text) => {
    expect(findGateways(outputsOf('Ai', { [SECRETS_OUTPUT]: text }))[0]?.secretNames).toBeUndefined();
  });
});
