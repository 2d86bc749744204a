import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CostInput, Memory } from './cost-model.ts';
import {
  type CostResults,
  closerMemoryTable,
  costSentence,
  countedTable,
  cpuAt,
  domainLine,
  gatewayMemoryTable,
  idleTable,
  metricsLine,
  millionTable,
  pricesTable,
  projectorMemoryTable,
  scheduledLine,
  sizesTable,
  taskLine,
} from './cost-tables.ts';
import { describeIdle } from './idle-stack.ts';
import { DESCRIBED, type Resources, withoutHash } from './template.ts';

export const COST_PAGE = 'docs/cost.md';
export const COST_RESULTS = join(import.meta.dirname, 'cost-results.json');

export const readResults = (): CostResults => JSON.parse(readFileSync(COST_RESULTS, 'utf8')) as CostResults;

/** Sizes of the functions in a template. @throws {Error} when one of them is not there */
export const memoryOf = (resources: Resources): Memory => {
  const sizeOf = (id: string): number => {
    const found = Object.entries(resources).find(
      ([logicalId, { Type }]) => Type === 'AWS::Lambda::Function' && withoutHash(logicalId) === id,
    );
    if (found === undefined) throw new Error(`the template has no function ${id}`);
    return Number(found[1].Properties['MemorySize']);
  };
  return {
    gatewayMb: sizeOf('GatewayFunction'),
    projectorMb: sizeOf('GatewayPipelineProjector'),
    closerMb: sizeOf('GatewayPipelineCloser'),
  };
};

/** What each variable of an access log's format comes to, as long as it usually is. */
const ACCESS_LOG_VALUES: Record<string, string> = {
  requestId: '00000000-0000-0000-0000-000000000000',
  requestTimeEpoch: '1795348800123',
  'identity.sourceIp': '203.0.113.123',
  httpMethod: 'POST',
  path: '/api/v1/chat/completions',
  status: '200',
  responseLength: '55277',
  responseLatency: '3100',
  'error.responseType': '-',
  integrationErrorMessage: '-',
};

/** Bytes of one line of the front door's access log, its variables filled in. @throws {Error} for a variable without a value here */
export const accessLogBytes = (resources: Resources): number => {
  const stage = Object.values(resources).find(({ Type }) => Type === 'AWS::ApiGateway::Stage');
  const { Format } = (stage?.Properties['AccessLogSetting'] ?? {}) as { Format?: string };
  if (Format === undefined) throw new Error('the stage has no access log');
  const line = Format.replace(/\$context\.([A-Za-z.]+)/g, (_, name: string) => {
    const value = ACCESS_LOG_VALUES[name];
    if (value === undefined) throw new Error(`bench/pages/cost-page.ts has no example of $context.${name}`);
    return value;
  });
  return Buffer.byteLength(line);
};

/** By page and name, each part that is written by `npm run docs:cost`. */
export const costParts = (results: CostResults, resources: Resources): Record<string, Record<string, string>> => {
  const { counted, sizes, measured, measuredOn } = results;
  const memory = memoryOf(resources);
  const lineBytes = accessLogBytes(resources);
  const input: CostInput = { counted, sizes, cpu: cpuAt(measured, memory), memory, accessLogBytes: lineBytes };
  const idle = describeIdle(resources, DESCRIBED);
  const parts = {
    counted: countedTable(counted),
    sizes: sizesTable(sizes, lineBytes),
    million: millionTable(input),
    metrics: metricsLine(counted),
    idle: idleTable(input, idle),
    scheduled: scheduledLine(idle),
    task: taskLine(),
    domain: domainLine(),
    machine: `${measuredOn}\n`,
    'memory gateway': gatewayMemoryTable(measured, memory),
    'memory projector': projectorMemoryTable(measured, memory),
    'memory closer': closerMemoryTable(measured, memory),
    prices: pricesTable(),
  };
  return { [COST_PAGE]: parts, 'README.md': { cost: costSentence(input, idle) } };
};
