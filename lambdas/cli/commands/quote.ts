import { Option } from 'commander';
import type { Cli } from '../cli.ts';
import { readTimeout, readTokens, readUrl } from '../read-options.ts';

/** `tollgate quote [file]`: asks a running gateway; nothing is called and nothing is spent. */
export const registerQuoteCommand = ({ program, addCommand, print }: Cli): void => {
  addCommand(program, 'quote [file]', 'whether a request would be admitted now, and for how much')
    .requiredOption('--url <url>', 'the gateway, with or without /v1', readUrl)
    .addOption(new Option('--key <key>', 'a key of it').env('TOLLGATE_API_KEY').makeOptionMandatory())
    .option('--model <alias>', "the model, instead of the body's own")
    .option('--max-tokens <n>', "the output limit, instead of the body's own", readTokens)
    .option('--prompt <text>', 'instead of a file: one user turn')
    .option('--timeout <time>', 'for the answer', readTimeout, 30_000)
    .action(async (file: string | undefined, options) => {
      const { url: baseUrl, key, model, maxTokens, prompt, timeout: timeoutMs } = options;
      const { askQuote } = await import('../ask-quote.ts');
      const clock = { now: () => Math.round(performance.now()) };
      print(await askQuote({ baseUrl, key, timeoutMs, clock }, { file, model, maxTokens, prompt }), options);
    });
};
