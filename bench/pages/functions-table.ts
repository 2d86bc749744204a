import type { Resource } from '../../test/support/synth-gateway.ts';
import { toTable } from './marked-part.ts';
import { type Resources, referredTo, withoutHash } from './template.ts';

/** What docs/functions.md says of one function, all of it from the template. */
export interface FunctionRow {
  /** Logical id without its hash. */
  id: string;
  does: string;
  role: string;
  memoryMb: number;
  timeoutS: number;
  triggers: string[];
  deadLetters: string[];
  /** Each `table: actions` or `service on what: actions`. */
  grants: string[];
}

interface Statement {
  Action: string | string[];
  Resource: unknown;
  /** By operator and key. */
  Condition?: Record<string, Record<string, unknown>>;
}

const listOf = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

const idsOf = (resources: Resources, type: string): [string, Resource][] =>
  Object.entries(resources).filter(([, { Type }]) => Type === type);

const refersTo = (value: unknown, id: string): boolean => referredTo(value).includes(id);

/** `GatewayStateLedger1A2B3C4D` in a gateway called `Gateway` → `Ledger` */
const shortName = (id: string): string =>
  withoutHash(id).replace(/^Gateway(State|Pipeline|Alarms|Api|Probe|Meter|Escalation)?(?=[A-Z])/, '');

/** What a statement is about: the resource of the stack, or the name in an ARN that it does not make. */
const subjectOf = (resource: unknown, resources: Resources): string => {
  const ids = referredTo(resource).filter((id) => resources[id] !== undefined);
  if (ids.length > 0) {
    const isStream = JSON.stringify(resource).includes('StreamArn');
    return [...new Set(ids)].map((id) => `${shortName(id)}${isStream ? "'s stream" : ''}`).join(', ');
  }
  const text = JSON.stringify(resource);
  const [, secret] = /:secret:([^"]+?)-\?{6}/.exec(text) ?? [];
  if (secret !== undefined) return `secret ${secret}`;
  const [, model] = /(?:foundation-model|inference-profile)\/([^"]+)/.exec(text) ?? [];
  if (model !== undefined) return model;
  return resource === '*' ? 'everything' : nameIn(resource);
};

/** Of an ARN that is put together, its last part: `…:rule/Name` → `rule/Name`. */
const nameIn = (arn: unknown): string => {
  const parts = (arn as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join']?.[1] ?? [arn];
  const text = parts.map((part) => (typeof part === 'string' ? part : '…')).join('');
  return text.slice(text.lastIndexOf(':') + 1);
};

/** What a statement's conditions leave of it: `pin#*` alone, events:source `tollgate` alone. */
const limitOf = ({ Condition = {} }: Statement, resources: Resources): string => {
  const limits = Object.values(Condition)
    .flatMap((keys) => Object.entries(keys))
    .map(([key, values]) => {
      const named = listOf(values).map(
        (value) => `\`${typeof value === 'string' ? value : subjectOf(value, resources)}\``,
      );
      return [...(key === LEADING_KEYS ? [] : [key]), [...new Set(named)].join(', ')].join(' ');
    });
  return limits.length === 0 ? '' : ` (${limits.join(', ')} alone)`;
};
const LEADING_KEYS = 'dynamodb:LeadingKeys';

const shortAction = (action: string): string => action.replace(/^dynamodb:/, '');

const grantsOf = (roleId: string, resources: Resources): string[] => {
  const role = resources[roleId];
  const inline = (role?.Properties['Policies'] ?? []) as { PolicyDocument: { Statement: Statement[] } }[];
  const attached = [...idsOf(resources, 'AWS::IAM::Policy'), ...idsOf(resources, 'AWS::IAM::ManagedPolicy')]
    .filter(([, { Properties }]) => refersTo(Properties['Roles'], roleId))
    .map(([, { Properties }]) => Properties as { PolicyDocument: { Statement: Statement[] } });
  const bySubject = new Map<string, Set<string>>();
  for (const { PolicyDocument } of [...inline, ...attached])
    for (const statement of PolicyDocument.Statement)
      for (const one of listOf(statement.Resource)) {
        const subject = subjectOf(one, resources) + limitOf(statement, resources);
        const actions = bySubject.get(subject) ?? new Set();
        for (const action of listOf(statement.Action)) actions.add(shortAction(action));
        bySubject.set(subject, actions);
      }
  const managed = listOf((role?.Properties['ManagedPolicyArns'] ?? []) as unknown[]).map(
    (arn) => `managed policy ${JSON.stringify(arn)}`,
  );
  return [
    ...[...bySubject].map(([subject, actions]) => `${subject}: ${[...actions].sort().join(', ')}`).sort(),
    ...managed,
  ];
};

const TRIGGER_TYPES = {
  'AWS::ApiGateway::Method': () => 'every request of the front door',
  'AWS::Events::Rule': ({ Properties }) =>
    Properties['ScheduleExpression'] === undefined
      ? `events: ${JSON.stringify(Properties['EventPattern'])}`
      : `${String(Properties['ScheduleExpression'])}${Properties['State'] === 'DISABLED' ? ', switched on while needed' : ''}`,
  'AWS::Scheduler::Schedule': ({ Properties }) => String(Properties['ScheduleExpression']),
  'AWS::StepFunctions::StateMachine': () => 'a step of a state machine',
  'AWS::SNS::Subscription': () => 'a topic',
} satisfies Record<string, (resource: Resource) => string>;

/** Whose stream it is. */
const sourceOf = ({ Properties }: Resource, resources: Resources): string => {
  const [source = 'a stream'] = referredTo(Properties['EventSourceArn']).filter((id) => resources[id] !== undefined);
  const isTable = resources[source]?.Type === 'AWS::DynamoDB::Table';
  const batch = Properties['BatchSize'] === undefined ? '' : `, up to ${String(Properties['BatchSize'])} a batch`;
  return `${shortName(source)}${isTable ? "'s stream" : ''}${batch}`;
};

/** A rule names in its pattern whose events it takes; whom it calls are its targets. */
const calledBy = ({ Type, Properties }: Resource): unknown =>
  Type === 'AWS::Events::Rule' ? Properties['Targets'] : Properties;

const triggersOf = (functionId: string, resources: Resources): string[] => {
  const mappings = idsOf(resources, 'AWS::Lambda::EventSourceMapping')
    .filter(([, { Properties }]) => refersTo(Properties['FunctionName'], functionId))
    .map(([, mapping]) => sourceOf(mapping, resources));
  const others = Object.entries(TRIGGER_TYPES).flatMap(([type, say]) =>
    idsOf(resources, type)
      .filter(([, resource]) => refersTo(calledBy(resource), functionId))
      .map(([, resource]) => say(resource)),
  );
  return [...new Set([...mappings, ...others])];
};

const deadLettersOf = (functionId: string, resources: Resources): string[] => {
  const about = Object.values(resources).filter(
    (resource) =>
      ['AWS::Lambda::EventSourceMapping', 'AWS::Lambda::EventInvokeConfig', 'AWS::Events::Rule'].includes(
        resource.Type,
      ) && refersTo(calledBy(resource), functionId),
  );
  const own = resources[functionId]?.Properties['DeadLetterConfig'];
  const queues = [...about.map(({ Properties }) => Properties), own]
    .flatMap(referredTo)
    .filter((id) => resources[id]?.Type === 'AWS::SQS::Queue');
  return [...new Set(queues)].map(shortName);
};

/** Every function of a template, in the template's order. */
export const describeFunctions = (resources: Resources): FunctionRow[] =>
  idsOf(resources, 'AWS::Lambda::Function').map(([functionId, { Properties }]) => {
    const [roleId = ''] = referredTo(Properties['Role']);
    return {
      id: withoutHash(functionId),
      does: String(Properties['Description'] ?? ''),
      role: withoutHash(roleId),
      memoryMb: Number(Properties['MemorySize']),
      timeoutS: Number(Properties['Timeout']),
      triggers: triggersOf(functionId, resources),
      deadLetters: deadLettersOf(functionId, resources),
      grants: grantsOf(roleId, resources),
    };
  });

const lines = (all: readonly string[]): string => (all.length === 0 ? 'none' : all.join('<br>'));

/** The part of docs/functions.md that the template alone decides. */
export const functionsTable = (rows: readonly FunctionRow[]): string =>
  toTable(
    ['function', 'what it does', 'memory, timeout', 'trigger', 'dead letters'],
    rows.map(({ id, does, memoryMb, timeoutS, triggers, deadLetters }) => [
      `\`${id}\``,
      does.replace(/^Tollgate: /, ''),
      `${memoryMb} MB, ${timeoutS} s`,
      lines(triggers),
      lines(deadLetters),
    ]),
  );

export const grantsTable = (rows: readonly FunctionRow[]): string =>
  toTable(
    ['role', 'may do'],
    rows.map(({ role, grants }) => [`\`${role}\``, lines(grants)]),
  );

/** By function, kilobytes: what is read before its first event whatever is configured, and what else it carries. */
export type BundleSizes = Record<string, { start: number; more: number }>;

const kb = (bytes: number): number => Math.round(bytes / 1_000);

export const bundleSizes = (bundles: Record<string, { startBytes: number; moreBytes: number }>): BundleSizes =>
  Object.fromEntries(
    Object.entries(bundles).map(([id, { startBytes, moreBytes }]) => [
      id,
      { start: kb(startBytes), more: kb(moreBytes) },
    ]),
  );

export const sizesTable = (sizes: BundleSizes): string =>
  toTable(
    ['function', 'to start with, KB', 'beside it, KB'],
    Object.entries(sizes).map(([id, { start, more }]) => [`\`${id}\``, String(start), String(more)]),
  );

/** What a page's table of sizes says. */
export const readSizes = (table: string): BundleSizes =>
  Object.fromEntries(
    [...table.matchAll(/^\| `(\w+)` \| (\d+) \| (\d+) \|$/gm)].map(([, id = '', start, more]) => [
      id,
      { start: Number(start), more: Number(more) },
    ]),
  );
