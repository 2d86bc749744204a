import { Option } from 'commander';
import { problemText } from '../../contract/config-problem.ts';
import { SERVICES, type SearchSize, type Service } from '../../contract/price.ts';
import type { Cli } from '../cli.ts';
import { CommandFailed, UsageError } from '../output.ts';
import type { Example } from '../price-example.ts';
import { readTokens } from '../read-options.ts';

interface PriceOptions {
  json?: true;
  config: string;
  input?: number;
  cached: number;
  write5m: number;
  write1h: number;
  output?: number;
  audioInput: number;
  audioOutput: number;
  searches: number;
  searchSize: SearchSize;
  images: number;
  tier: Service;
  geo: string;
}

/** `tollgate prices [name]`: reads the configuration and the catalogue; no store, no network. */
export const registerPriceCommand = ({ program, addCommand, print }: Cli): void => {
  addCommand(program, 'prices [name]', 'what an alias, a target or a model costs, and why')
    .option('--config <file>', 'the configuration', 'tollgate.config.ts')
    .option('--input <tokens>', 'work out a request: all of its input', readTokens)
    .option('--cached <tokens>', '… of it read from a cache', readTokens, 0)
    .option('--write-5m <tokens>', '… of it written to a cache for 5 minutes', readTokens, 0)
    .option('--write-1h <tokens>', '… of it written for an hour or longer', readTokens, 0)
    .option('--audio-input <tokens>', '… of it spoken', readTokens, 0)
    .option('--output <tokens>', '… its output, reasoning included', readTokens)
    .option('--audio-output <tokens>', '… of it spoken', readTokens, 0)
    .option('--searches <n>', '… its web searches', readTokens, 0)
    .addOption(
      new Option('--search-size <size>', '… how much each brings in')
        .choices(['low', 'medium', 'high'])
        .default('medium'),
    )
    .option('--images <n>', '… the images in its input', readTokens, 0)
    .addOption(
      new Option('--tier <tier>', '… the tier it is served in').choices(['standard', ...SERVICES]).default('standard'),
    )
    .option('--geo <place>', '… where it is processed (Anthropic’s inference_geo)', '')
    .action(async (name: string | undefined, options: PriceOptions) => {
      const example = readExample(options);
      const [{ openPriceList }, { showPrices }] = await Promise.all([
        import('../../wiring/open-price-list.ts'),
        import('../prices.ts'),
      ]);
      const opened = await openPriceList(options.config);
      if (!opened.ok)
        throw new CommandFailed(
          `There are no prices with ${options.config}:\n${opened.problems.map((one) => `  ${problemText(one)}`).join('\n')}`,
        );
      print(showPrices(opened.list, name, example), options);
    });
};

/** @throws {UsageError} where the parts are more than the whole */
export const readExample = (options: PriceOptions): Example | undefined => {
  const { input, output, cached, write5m, write1h, audioInput, audioOutput, searches, images } = options;
  if (input === undefined && output === undefined) {
    if (cached + write5m + write1h + audioInput + audioOutput + searches + images > 0)
      throw new UsageError('A request is worked out where its --input or --output is given.');
    return undefined;
  }
  const plain = (input ?? 0) - cached - write5m - write1h;
  if (plain < audioInput)
    throw new UsageError(
      `--input ${input ?? 0} is all of the input: --cached, --write-5m, --write-1h and --audio-input are parts of it.`,
    );
  if ((output ?? 0) < audioOutput) throw new UsageError('--audio-output is a part of --output.');
  return {
    usage: {
      inputTokens: plain,
      cachedInputTokens: cached,
      cacheWrite5mTokens: write5m,
      cacheWrite1hTokens: write1h,
      outputTokens: output ?? 0,
      reasoningTokens: 0,
      billed: { audioInputTokens: audioInput, audioOutputTokens: audioOutput },
    },
    billing: { service: options.tier, geo: options.geo === 'global' ? '' : options.geo },
    searches,
    searchSize: options.searchSize,
    images,
  };
};
