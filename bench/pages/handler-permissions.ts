import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { installCfnLint } from '../../test/real/support/run-cfn-lint.ts';
import type { HandlerPermissions } from './deployer-policy.ts';

/** What the CloudFormation registry's schemas say, in the copy that cfn-lint's package carries; fetches that where it is not there. */
export const readHandlerPermissions = async (types: readonly string[]): Promise<HandlerPermissions> =>
  JSON.parse(
    execFileSync(
      join(await installCfnLint(), 'python'),
      [join(import.meta.dirname, 'handler-permissions.py'), ...types],
      {
        encoding: 'utf8',
      },
    ),
  );
