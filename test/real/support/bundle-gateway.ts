import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
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
  /** Bytes of each of its files. */
  files: Record<string, number>;
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
        const sizes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size]);
        return [
          id.slice(0, -8),
          {
            folder,
            files: Object.fromEntries(sizes),
            memoryMb: Number(Properties['MemorySize']),
            role: (Properties['Role'] as { 'Fn::GetAtt': string[] })['Fn::GetAtt'][0] ?? '',
          },
        ];
      }),
  );
};
