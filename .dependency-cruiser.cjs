/**
 * The table of what may import what, as rules for `npm run check:imports` (test/support/check-imports.ts). Each row names
 * a place and everything it may import; whatever is not named is forbidden, so nothing imports test. Type-only imports count.
 */

/** `$1` in `may` is what the group in `from` matched: `adapters/x` may import its own folder but no other adapter. */
const table = [
  { name: 'contract', from: '^lambdas/contract/', may: ['lambdas/contract/', npm('zod')] },
  {
    name: 'catalogue',
    from: '^lambdas/catalogue/',
    // The command that refreshes it runs on a developer's machine and is no part of the gateway.
    except: '^lambdas/catalogue/refresh[.]ts$',
    may: ['lambdas/catalogue/', 'lambdas/contract/'],
  },
  {
    name: 'core',
    from: '^lambdas/core/',
    // Of Node only what is pure: hashing and checksums.
    may: ['lambdas/(core|contract|catalogue)/', 'crypto$', 'zlib$', 'node:(crypto|zlib)$'],
  },
  {
    name: 'dialects',
    from: '^lambdas/dialects/([^/]+)/',
    except: '^lambdas/dialects/openai-responses/',
    may: ['lambdas/dialects/$1/', 'lambdas/(core|contract)/'],
  },
  {
    // OpenAI's two ways of asking the same models, which have errors, counts and most fields in common.
    name: 'openai-responses',
    from: '^lambdas/dialects/openai-responses/',
    may: ['lambdas/dialects/openai-(responses|chat)/', 'lambdas/(core|contract)/'],
  },
  {
    name: 'providers',
    from: '^lambdas/providers/([^/]+)/',
    may: ['lambdas/providers/$1/', 'lambdas/(dialects|core|contract)/'],
  },
  {
    name: 'adapters',
    from: '^lambdas/adapters/([^/]+)/',
    may: ['lambdas/adapters/$1/', 'lambdas/(core|contract)/', 'node_modules/', ...node()],
  },
  { name: 'wiring', from: '^lambdas/wiring/', may: ['lambdas/', 'node_modules/@(aws-sdk|smithy)/', ...node()] },
  {
    name: 'gateway',
    from: '^lambdas/gateway/',
    may: ['lambdas/(gateway|wiring|core|contract)/', npm('hono'), npm('@hono/node-server'), ...node()],
  },
  {
    name: 'functions',
    from: '^lambdas/(ledger-projector|ledger-closer|ledger-auditor|circuit-probe|budget-step|pin-watch|cache-keeper)/',
    may: ['lambdas/($1|wiring|core|contract)/', ...node()],
  },
  {
    name: 'lib',
    from: '^lib/',
    // Of core only what checks a configuration, so that a synth refuses what a start would refuse.
    may: [
      'lib/',
      'lambdas/(contract|catalogue)/',
      'lambdas/core/((route|pins)/|failures[.]ts$)',
      ...cdk(),
      npm('esbuild'),
      ...node(),
    ],
  },
  {
    name: 'cdk app',
    from: '^bin/app[.]ts$',
    may: ['lib/', 'lambdas/contract/', 'lambdas/adapters/config-file/', ...cdk()],
  },
  {
    name: 'cli',
    from: '^(bin/tollgate[.]ts$|lambdas/cli/)',
    may: ['lambdas/(cli|wiring|core|contract)/', npm('commander'), ...node()],
  },
];

function npm(name) {
  return `node_modules/${name}/`;
}

function cdk() {
  return [npm('aws-cdk-lib'), npm('constructs')];
}

/** Node's own modules, by the names that dependency-cruiser resolves them to. */
function node() {
  const { builtinModules } = require('node:module');
  const names = builtinModules.filter((name) => !name.startsWith('_')).map((name) => name.replace(/^node:/, ''));
  return [`(node:)?(${names.join('|')})$`];
}

module.exports = {
  table,
  forbidden: [
    ...table.map(({ name, from, except, may }) => ({
      name: `${name} may not import this`,
      severity: 'error',
      from: { path: from, ...(except ? { pathNot: except } : {}) },
      to: { pathNot: `^(${may.join('|')})`, couldNotResolve: false },
    })),
    {
      name: 'no row of the table covers this file',
      severity: 'error',
      from: { path: '^(lambdas|bin|lib)/', pathNot: table.map(({ from }) => from) },
      to: {},
    },
    {
      name: 'what runs may not import a development dependency',
      severity: 'error',
      // What is deployed is made by the CDK, which stays on the developer's machine.
      from: { path: '^(lambdas|bin)/', pathNot: '^bin/app[.]ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'this import can not be resolved',
      severity: 'error',
      from: {},
      // The bundler puts the configuration in its place (lib/gateway-function.ts).
      to: { couldNotResolve: true, pathNot: '^tollgate:config$' },
    },
    {
      name: 'modules may not need each other at run time',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
