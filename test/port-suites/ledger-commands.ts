import fc from 'fast-check';
import {
  type LedgerModel,
  MOST_CLIENTS,
  type ModelOptions,
  type ModelReport,
  openLedgerModel,
} from './ledger-model.ts';

/**
 * The ledger's model (ledger-model.ts) as fast-check commands: which request goes on, dies or begins next, when the closer
 * runs, caps change and time passes. What fails is shrunk to the few commands that show it.
 */

/** What is known of the model before it runs: how many requests are under way is all that decides what may come. */
interface Known {
  model: LedgerModel;
  /** From here on chance follows this seed: so a command does the same, whatever was shrunk away before it. */
  throwFrom(seed: number): void;
}

type Command = fc.AsyncCommand<object, Known>;

const command = (
  name: string,
  run: (known: Known) => Promise<void> | void,
  mayRun: (model: LedgerModel) => boolean = () => true,
): Command => ({
  check: () => true,
  run: async (_, known) => {
    // Shrinking leaves out what came before: a command of nobody is nothing.
    if (!mayRun(known.model)) return;
    await run(known);
    await known.model.check();
  },
  toString: () => name,
});

const isAnyUnderWay = (model: LedgerModel): boolean => model.underWay() > 0;

const MINUTE_MS = 60_000;
const seeds = fc.nat(0xffff_ffff);
const clients = fc.nat(MOST_CLIENTS - 1);

const begins = fc.nat(1).map((process) =>
  command(
    `begin at ${process}`,
    ({ model }) => model.begin(process),
    (model) => model.underWay() < MOST_CLIENTS,
  ),
);
const goesOn = fc.tuple(clients, seeds).map(([client, seed]) =>
  command(
    `go on ${client} (${seed})`,
    ({ model, throwFrom }) => {
      throwFrom(seed);
      return model.goOn(client % model.underWay());
    },
    isAnyUnderWay,
  ),
);
const dies = clients.map((client) =>
  command(`die ${client}`, ({ model }) => model.die(client % model.underWay()), isAnyUnderWay),
);
const passes = fc
  .oneof({ weight: 4, arbitrary: fc.nat(2 * MINUTE_MS) }, { weight: 1, arbitrary: fc.nat(60 * MINUTE_MS) })
  .map((ms) => command(`wait ${ms} ms`, ({ model }) => model.moveTime(ms)));
const closes = seeds.map((seed) =>
  command(`close (${seed})`, ({ model, throwFrom }) => {
    throwFrom(seed);
    return model.close();
  }),
);
const changes = seeds.map((seed) =>
  command(`change a cap (${seed})`, ({ model, throwFrom }) => {
    throwFrom(seed);
    model.changeCaps();
  }),
);

const MOST_COMMANDS = 160;

/** More of what there is more of in life. */
const commands = fc.commands(
  [begins, begins, begins, goesOn, goesOn, goesOn, goesOn, goesOn, goesOn, dies, passes, passes, closes, changes],
  { maxCommands: MOST_COMMANDS, size: 'max' },
);

/**
 * @param seededRandom in [0, 1), of a seed
 * @param note is told what each run met
 */
export const ledgerCommandsProperty = (
  options: Pick<ModelOptions, 'makeStores' | 'bend'>,
  seededRandom: (seed: number) => () => number,
  note: (report: ModelReport) => void = () => {},
) =>
  fc.asyncProperty(commands, seeds, async (list, restSeed) => {
    let random = seededRandom(restSeed);
    const throwFrom = (seed: number): void => {
      random = seededRandom(seed);
    };
    const model = await openLedgerModel({ ...options, tighter: 4n, random: () => random() });
    try {
      await fc.asyncModelRun(() => ({ model: {}, real: { model, throwFrom } }), list);
      throwFrom(restSeed);
      note(await model.rest());
    } finally {
      await model.end();
    }
  });
