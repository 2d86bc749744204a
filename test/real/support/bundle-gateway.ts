import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdkJson from '../../../cdk.json' with { type: 'json' };
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { AiGateway } from '../../../lib/ai-gateway.ts';
import type { Resource } from '../../support/synth-gateway.ts';

export interface Bundle {
  folder: string;
  /** Bytes of `index.mjs` and what it imports: what is read and compiled before anything of it runs. */
  startBytes: number;
  /** Bytes of its other files, which are read when the code gets to their `import()`. */
  moreBytes: number;
  memoryMb: number;
  /** Logical id of its role. */
  role: string;
}

/** Synthesises a stack as `cdk deploy` does, code and all. @returns each function's bundle by its logical id without the hash */
export const bundleFunctions = (config: GatewayConfig): Record<string, Bundle> => {
  const outdir = mkdtempSync(join(tmpdir(), 'tollgate-bundle-'));
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
  const stack = new Stack(new App({ outdir, context: cdkJson.context }), 'Tollgate');
  new AiGateway(stack, 'Gateway', { config });
  const resources = Object.entries<Resource>(Template.fromStack(stack).toJSON().Resources);
  const { files } = JSON.parse(readFileSync(join(outdir, 'Tollgate.assets.json'), 'utf8')) as {
    files: Record<string, { source: { path: string } }>;
  };
  return Object.fromEntries(
    resources
      .filter(([, { Type }]) => Type === 'AWS::Lambda::Function')
      .map(([id, { Properties }]) => {
        const { S3Key: key } = Properties['Code'] as { S3Key: string };
        const folder = join(outdir, files[key.replace(/\.zip$/, '')]?.source.path ?? '');
        return [
          id.slice(0, -8),
          {
            folder,
            ...sizesOf(folder),
            memoryMb: Number(Properties['MemorySize']),
            role: (Properties['Role'] as { 'Fn::GetAtt': string[] })['Fn::GetAtt'][0] ?? '',
          },
        ];
      }),
  );
};

/** As esbuild writes them; an `import()` has a bracket. */
const STATIC_IMPORT = /\b(?:from|import)"\.\/([^"]+)"/g;

const sizesOf = (folder: string): Pick<Bundle, 'startBytes' | 'moreBytes'> => {
  const texts = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  const start = new Set(['index.mjs']);
  // A set is walked through to what is added on the way.
  for (const name of start)
    for (const [, imported = ''] of (texts.get(name) ?? '').matchAll(STATIC_IMPORT)) start.add(imported);
  const bytesOf = (names: string[]): number =>
    names.reduce((sum, name) => sum + Buffer.byteLength(texts.get(name) ?? ''), 0);
  return { startBytes: bytesOf([...start]), moreBytes: bytesOf([...texts.keys()].filter((name) => !start.has(name))) };
};
