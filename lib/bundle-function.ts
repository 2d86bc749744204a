import { join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { type BuildOptions, buildSync } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');

/**
 * What the SDK loads only where a function lacks credentials of its own, which never happens on Lambda, or where it runs in a
 * browser.
 */
const NEVER_LOADED = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-login',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@aws-sdk/nested-clients',
  '@smithy/credential-provider-imds',
  'bowser',
];

/** By package, what stands in its place. */
const REPLACED = { '@aws-sdk/endpoint-cache': './lambdas/adapters/dynamodb/unused-endpoint-cache.ts' };

/** CommonJS parts inside an ES module ask for `require`. */
const BANNER =
  "import{createRequire as tollgateRequire}from'node:module';const require=tollgateRequire(import.meta.url);";

/**
 * ES modules with every dependency in them: `index.mjs`, the files that it begins with, and beside them one for each
 * `import()`, which is read when the code gets there (docs/decisions/008). What several of them need is there once, so a
 * class is the same one wherever it is thrown and caught.
 */
const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // The SDK comes along, at the version that was tested: Lambda's own changes by itself, and starts slower.
  external: NEVER_LOADED,
  mainFields: ['module', 'main'],
  outExtension: { '.js': '.mjs' },
  chunkNames: '[name]-[hash]',
  banner: { js: BANNER },
  minify: true,
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
} satisfies BuildOptions;

/**
 * The code of the function whose handler is `lambdas/FOLDER/handler.ts`, made while the stack is synthesised.
 *
 * @param aliases by name, the file that an `import` of that name in the code is replaced with
 */
export const bundleFunction = (folder: string, aliases: Readonly<Record<string, string>>): Code =>
  Code.fromAsset(ROOT, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Two of one app with the same options share their code, as the CDK sees it: here stands what they differ in.
      command: [folder, ...Object.entries(aliases).flat()],
      // Never asked for: what is local never fails to do it, short of an error.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle: (outputDir) => {
          buildSync({
            ...OPTIONS,
            entryPoints: { index: join('lambdas', folder, 'handler.ts') },
            outdir: outputDir,
            alias: { ...REPLACED, ...aliases },
          });
          return true;
        },
      },
    },
  });
