import { type DeployedStack, openStackReader, type StackReader } from '../adapters/cloudformation/read-stack.ts';
import { openAuditedStores } from '../adapters/dynamodb/open-audited-stores.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import { MACHINE_OUTPUT, SEARCH_OUTPUTS, STAGES, stackOfStage } from '../contract/stack-outputs.ts';
import type { TableNames } from '../contract/tables.ts';
import type { Log } from '../core/ports.ts';
import type { CliCache, CliStores } from './cli-stores.ts';
import { toEscalationInput } from './escalation-input.ts';
import { type FoundGateway, findGateways } from './find-gateways.ts';
import { readSearchPlace } from './read-search-place.ts';

/** Which deployed gateway is meant, as far as the caller said. */
export interface Choice {
  stack: string | undefined;
  gateway: string | undefined;
  region: string | undefined;
}

export type Refused = {
  ok: false;
  /** `choice`: it has to be said, or said otherwise, which is meant. */
  reason: 'choice' | 'absent';
  problem: string;
};

interface ChosenGateway extends FoundGateway {
  stack: string;
  tables: TableNames;
}

const STACKS = STAGES.map(stackOfStage);
/** From far away, over a connection that begins with the command. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Opens the stores of a deployed gateway with the caller's own credentials: finds the stack, in it the gateway, by its outputs
 * the tables.
 *
 * @throws the SDK's error, where the stack may not be read or AWS can't be reached
 */
export const openDeployedStores = async (
  choice: Choice,
  log: Log,
): Promise<{ ok: true; stores: CliStores } | Refused> => {
  const opened = await openReader(choice);
  if (!opened.ok) return opened;
  const { reader } = opened;
  try {
    const chosen = await chooseGateway(reader, choice);
    if (!chosen.ok) return chosen;
    const { tables, stack, id: gateway, outputs } = chosen.gateway;
    const { region, credentials } = reader;
    const stores = openAuditedStores({
      client: { region, credentials },
      tables,
      clock: systemClock,
      random: systemRandom,
      log,
      answerTimeoutMs: ANSWER_TIMEOUT_MS,
    });
    const place = { kind: 'deployed', stack, region, gateway, outputs } as const;
    const answerWaiting = async (token: string, answer: object): Promise<boolean> => {
      const { openEscalationWorkflow } = await import('../adapters/step-functions/escalation-workflow.ts');
      const workflow = openEscalationWorkflow(undefined, { region, credentials });
      try {
        return await workflow.answer(token, answer);
      } finally {
        workflow.close();
      }
    };
    const startEscalation: CliStores['startEscalation'] = async (due) => {
      const machine = outputs[MACHINE_OUTPUT];
      if (machine === undefined)
        throw new Error(`another version of Tollgate deployed the stack, which has no output ${MACHINE_OUTPUT}`);
      const { openEscalationWorkflow } = await import('../adapters/step-functions/escalation-workflow.ts');
      const workflow = openEscalationWorkflow(machine, { region, credentials });
      try {
        await workflow.start(due.name, toEscalationInput(due));
      } finally {
        workflow.close();
      }
    };
    const cache = makeCacheOpener(stores, place, credentials);
    const others = {
      answerWaiting,
      startEscalation,
      openCache: cache.open,
      clock: systemClock,
      random: systemRandom,
      place,
    };
    const close = (): void => {
      cache.close();
      stores.close();
    };
    return { ok: true, stores: { ...stores, ...others, close } };
  } finally {
    reader.close();
  }
};

/** The answers' table is open; the index of questions is where the gateway has one. */
const makeCacheOpener = (
  { responses, wrongHits }: Pick<CliCache, 'responses' | 'wrongHits'>,
  { outputs }: { outputs: Readonly<Record<string, string>> },
  credentials: StackReader['credentials'],
): { open(): Promise<CliCache>; close(): void } => {
  let close = (): void => undefined;
  return {
    async open() {
      const search = readSearchPlace(outputs, SEARCH_OUTPUTS);
      // DynamoDB overwrites what is deleted by itself.
      if (search === undefined) return { responses, wrongHits, wipe: async () => undefined };
      const { openIndexAdministration } = await import('./open-deployed-index.ts');
      const index = await openIndexAdministration(search, credentials);
      ({ close } = index);
      return { responses, wrongHits, vectors: index, wipe: index.wipe };
    },
    close: () => close(),
  };
};

/** The region is known afterwards, credentials and stacks are not yet. */
export const openReader = async ({
  region,
}: Pick<Choice, 'region'>): Promise<{ ok: true; reader: StackReader } | Refused> => {
  const reader = await openStackReader({ region });
  if (reader !== undefined) return { ok: true, reader };
  return {
    ok: false,
    reason: 'choice',
    problem:
      'No AWS region is configured. Say --region, or set AWS_REGION, or a region in the profile. (--local [DIR] is the store of "npm start".)',
  };
};

const chooseGateway = async (
  reader: StackReader,
  choice: Choice,
): Promise<{ ok: true; gateway: ChosenGateway } | Refused> => {
  const found = await findStacks(reader, choice.stack);
  const [stack, ...others] = found;
  if (stack === undefined) return { ok: false, reason: 'absent', problem: noStack(reader, choice.stack) };
  if (others.length > 0)
    return {
      ok: false,
      reason: 'choice',
      problem: `There are the stacks ${found.map(({ name }) => name).join(' and ')} in ${reader.region}. Say which: --stack NAME, or TOLLGATE_STACK.`,
    };
  const gateways = findGateways(stack.outputs);
  const ids = gateways.map(({ id }) => id).join(', ');
  const meant = choice.gateway === undefined ? gateways : gateways.filter(({ id }) => id === outputId(choice.gateway));
  const [gateway, another] = meant;
  if (gateways.length === 0)
    return {
      ok: false,
      reason: 'absent',
      problem: `The stack ${stack.name} in ${reader.region} (${stack.status}) has no outputs of a Tollgate gateway.`,
    };
  if (gateway === undefined)
    return {
      ok: false,
      reason: 'choice',
      problem: `The stack ${stack.name} has no gateway ${JSON.stringify(choice.gateway)}. It has: ${ids}.`,
    };
  if (another !== undefined)
    return {
      ok: false,
      reason: 'choice',
      problem: `The stack ${stack.name} has several gateways: ${ids}. Say which: --gateway ID.`,
    };
  const { tables } = gateway;
  if ('missing' in tables)
    return {
      ok: false,
      reason: 'absent',
      problem: `The gateway ${gateway.id} of the stack ${stack.name} was deployed by another version of Tollgate: it has no output ${tables.missing.join(', ')}. Deploy this version, or use that one's command line.`,
    };
  return { ok: true, gateway: { ...gateway, tables, stack: stack.name } };
};

/** What `lib` makes of a construct's id where it stands in the names of outputs. */
const outputId = (id: string | undefined): string => (id ?? '').replace(/[^A-Za-z0-9]/g, '');

/**
 * The stack of that name; without one, those of the stages that are there. One that the caller may not look at is passed over
 * where there is another: rights on the one stage are enough to work on it.
 *
 * @throws the SDK's error
 */
export const findStacks = async (reader: StackReader, name: string | undefined): Promise<DeployedStack[]> => {
  if (name !== undefined) return [await reader.read(name)].filter((stack) => stack !== undefined);
  const asked = await Promise.allSettled(STACKS.map((stack) => reader.read(stack)));
  const found = asked.flatMap((one) => (one.status === 'fulfilled' && one.value !== undefined ? [one.value] : []));
  const failed = asked.find((one) => one.status === 'rejected');
  if (failed !== undefined && (found.length === 0 || !isDenied(failed.reason))) throw failed.reason;
  return found;
};

/** CloudFormation's word for it, and that of other services. */
export const isDenied = (error: unknown): boolean =>
  error instanceof Error && ['AccessDenied', 'AccessDeniedException'].includes(error.name);

const noStack = ({ region }: StackReader, name: string | undefined): string =>
  name === undefined
    ? `There is no stack ${STACKS.join(' or ')} in ${region}. Deployed under another name? --stack NAME. Elsewhere? --region, AWS_PROFILE. On this machine? --local [DIR].`
    : `There is no stack ${name} in ${region}. Deployed elsewhere? --region, AWS_PROFILE.`;
