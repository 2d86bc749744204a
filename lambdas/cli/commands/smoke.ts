import { Option } from 'commander';
import type { Cli } from '../cli.ts';
import { UsageError } from '../output.ts';
import { readTimeout, readUrl } from '../read-options.ts';

/** `tollgate smoke` */
export const registerSmokeCommand = ({ program, addCommand, print }: Cli): void => {
  addCommand(program, 'smoke', 'prove a running gateway from outside, with a dozen small requests')
    .requiredOption('--url <url>', 'the gateway, with or without /v1', readUrl)
    .addOption(new Option('--key <key>', 'a key of it').env('TOLLGATE_API_KEY').makeOptionMandatory())
    .option('--model <alias>', 'the model to ask (default: the first that the key may use)')
    .option('--timeout <time>', 'for each request', readTimeout, 60_000)
    .option('--direct <url>', 'measure the latency that the gateway adds to this OpenAI-compatible endpoint', readUrl)
    .addOption(new Option('--direct-key <key>', 'a key of the endpoint').env('TOLLGATE_DIRECT_KEY').default(''))
    .option('--direct-model <model>', 'its name of the model (default: as --model)')
    .action(async (options) => {
      const { url: baseUrl, key, model, timeout: timeoutMs, direct, directKey, directModel } = options;
      const clock = { now: () => Math.round(performance.now()) };
      if (direct !== undefined && (directModel ?? model) === undefined)
        throw new UsageError('--direct needs --direct-model, or a --model that the endpoint knows too.');
      const { runSmoke } = await import('../smoke/run-smoke.ts');
      const output = await runSmoke(
        { baseUrl, key, timeoutMs, clock },
        {
          ...(model === undefined ? {} : { model }),
          ...(direct === undefined
            ? {}
            : {
                direct: { gateway: { baseUrl: direct, key: directKey, timeoutMs, clock }, model: directModel ?? model },
              }),
        },
      );
      print(output, options);
    });
};
