/**
 * Makes models.json anew from public data (`npm run catalogue:refresh`), and differences.md and .json, where a second source disagrees.
 * Raise the versions below, run it, and read the diff of both files before committing: prices in it become holds and bills.
 * Needs pip, npm and tar.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CatalogueData, CatalogueVendor } from './catalogue.ts';
import { type Comparison, comparePrices, type DifferencesData, type OtherPrice } from './compare-prices.ts';
import { convertLitellm, type LitellmModel } from './convert-litellm.ts';

const LITELLM = '1.109.1';
const GENAI_PRICES = '0.1.8';
const PRICES_FILE = 'litellm/model_prices_and_context_window_backup.json';
/** Fewer models than this mean that a source has changed its form. */
const FEWEST_MODELS: Record<CatalogueVendor, number> = {
  openai: 50,
  anthropic: 15,
  gemini: 12,
  'azure-openai': 80,
  bedrock: 150,
};
const MOST_BYTES = 250_000;

const readLitellm = (folder: string): string => {
  execFileSync('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, `litellm==${LITELLM}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const wheel = readdirSync(folder).find((file) => file.endsWith('.whl'));
  if (wheel === undefined) throw new Error(`pip downloaded no wheel of litellm ${LITELLM}`);
  const program = 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))';
  return execFileSync('python3', ['-c', program, join(folder, wheel), PRICES_FILE], { maxBuffer: 1 << 26 }).toString();
};

interface GenaiPrices {
  calcPrice(
    usage: Record<string, number>,
    model: string,
    options: { providerId: string },
  ): { model_price: OtherPrice } | null;
}

const readGenaiPrices = async (folder: string): Promise<{ prices: GenaiPrices; sha256: string }> => {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, `@pydantic/genai-prices@${GENAI_PRICES}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const archive = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (archive === undefined) throw new Error(`npm packed no archive of @pydantic/genai-prices ${GENAI_PRICES}`);
  execFileSync('tar', ['xzf', join(folder, archive), '-C', folder]);
  const file = join(folder, 'package/dist/index.js');
  return { prices: await import(pathToFileURL(file).href), sha256: sha256(readFileSync(file)) };
};

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

const PROVIDER_IDS: Record<CatalogueVendor, string> = {
  openai: 'openai',
  anthropic: 'anthropic',
  gemini: 'google',
  'azure-openai': 'azure',
  bedrock: 'aws',
};

const refresh = async (folder: string): Promise<void> => {
  const litellm = readLitellm(folder);
  const genai = await readGenaiPrices(folder);
  const models = convertLitellm(JSON.parse(litellm) as Record<string, LitellmModel>);
  for (const [vendor, fewest] of Object.entries(FEWEST_MODELS)) {
    const count = Object.keys(models[vendor as CatalogueVendor]).length;
    if (count < fewest)
      throw new Error(`${count} models of ${vendor}, expected at least ${fewest}: has the source changed?`);
  }
  const data: CatalogueData = {
    asOf: new Date().toISOString().slice(0, 10),
    sources: [{ name: 'litellm', version: LITELLM, file: PRICES_FILE, sha256: sha256(litellm), licence: 'MIT' }],
    models,
  };
  const text = writeData(data);
  if (text.length > MOST_BYTES)
    throw new Error(`models.json would be ${text.length} bytes, expected at most ${MOST_BYTES}`);
  const comparison = comparePrices(models, (vendor, model) => {
    const found = genai.prices.calcPrice({ input_tokens: 1, output_tokens: 1 }, model, {
      providerId: PROVIDER_IDS[vendor],
    });
    return found?.model_price;
  });
  writeFileSync(join(import.meta.dirname, 'models.json'), text);
  const other: DifferencesData = {
    source: {
      name: '@pydantic/genai-prices',
      version: GENAI_PRICES,
      file: 'dist/index.js',
      sha256: genai.sha256,
      licence: 'MIT',
    },
    differences: comparison.differences,
    unknown: comparison.unknown,
  };
  writeFileSync(join(import.meta.dirname, 'differences.json'), writeDifferencesData(other));
  writeFileSync(join(import.meta.dirname, 'differences.md'), writeDifferences(data, comparison, genai.sha256));
  process.stdout.write(
    `${Object.values(models).reduce((sum, of) => sum + Object.keys(of).length, 0)} models, ${comparison.differences.length} differences\n`,
  );
};

/** A model a line, so that a diff shows what a refresh changes. */
const writeData = ({ models, ...head }: CatalogueData): string => {
  const vendors = Object.entries(models).map(([vendor, rows]) => {
    const lines = Object.entries(rows).map(([name, row]) => `${JSON.stringify(name)}:${JSON.stringify(row)}`);
    return `${JSON.stringify(vendor)}:{\n${lines.join(',\n')}\n}`;
  });
  return `${JSON.stringify(head).slice(0, -1)},\n"models":{\n${vendors.join(',\n')}\n}}\n`;
};

/** A difference a line. */
const writeDifferencesData = ({ source, differences, unknown }: DifferencesData): string =>
  [
    `{"source":${JSON.stringify(source)},`,
    `"differences":[\n${differences.map((one) => JSON.stringify(one)).join(',\n')}\n],`,
    `"unknown":${JSON.stringify(unknown)}}\n`,
  ].join('\n');

const writeDifferences = (
  data: CatalogueData,
  { differences, compared, unknown }: Comparison,
  otherSha256: string,
): string => {
  const rows = differences.map(
    ({ vendor, model, field, ours, theirs }) => `| ${vendor} | ${model} | ${field} | ${ours} | ${theirs} |`,
  );
  return [
    '# Where the price sources differ',
    '',
    `Written by \`npm run catalogue:refresh\` on ${data.asOf}; don't edit. The catalogue carries LiteLLM's figures (${LITELLM}, sha256 of the file ${data.sources[0]?.sha256}). The other column is \`@pydantic/genai-prices\` ${GENAI_PRICES} (MIT, sha256 ${otherSha256}). Dollars per million tokens. A \`price\` in the configuration wins over both.`,
    '',
    `${compared} models compared, ${differences.length} differences, ${unknown.length} models that only LiteLLM knows. A field that one source leaves out is no difference. For Bedrock the other source prices families by a prefix (\`regional.\`), which newer ids may miss.`,
    '',
    '| vendor | model | field | catalogue | genai-prices |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    '## Known to LiteLLM only',
    '',
    unknown.join(', '),
    '',
  ].join('\n');
};

const folder = mkdtempSync(join(tmpdir(), 'tollgate-catalogue-'));
try {
  await refresh(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
