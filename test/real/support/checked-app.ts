import { readFileSync } from 'node:fs';
import { App, CliCredentialsStackSynthesizer, type IStackSynthesizer, Stack } from 'aws-cdk-lib';
import { CfnPolicy } from 'aws-cdk-lib/aws-iam';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { AiGateway } from '../../../lib/ai-gateway.ts';

/**
 * The gateway in a CDK app of a test's own, for an emulator that checks rights (emulator-rights.test.ts): it deploys with the
 * caller's credentials, since the emulator refuses the bootstrap's roles what AWS lets them do. Context:
 *
 *   config   file with the configuration, JSON
 *   without  a right to leave out: `<role>|<action>|<part of the resource>`
 */
const app = new App();
const stack = new Stack(app, 'Checked', { synthesizer: new CliCredentialsStackSynthesizer() as IStackSynthesizer });
const config = JSON.parse(readFileSync(String(app.node.getContext('config')), 'utf8')) as GatewayConfig;
const { gatewayFunction } = new AiGateway(stack, 'Gateway', {
  config,
  responseTransfer: 'buffered',
  retainState: false,
});

interface Statement {
  Action: string | string[];
  Resource: unknown;
}

const policies = stack.node.findAll().filter((one) => one instanceof CfnPolicy);
// A rule of the default bus has no bus in its ARN. The emulator looks for one all the same.
for (const policy of policies) {
  const document = JSON.stringify(stack.resolve(policy.policyDocument));
  if (document.includes('"events:'))
    policy.policyDocument = JSON.parse(document.replaceAll(':rule/', ':rule/default/'));
}

const without: unknown = app.node.tryGetContext('without');
// Another variable makes Lambda begin new environments, which remember no key and no secret.
gatewayFunction.function.addEnvironment('TOLLGATE_TEST_WITHOUT', String(without ?? 'nothing'));
if (typeof without === 'string') {
  const [role = '', action = '', resource = ''] = without.split('|');
  let isTaken = false;
  for (const policy of policies) {
    if (!JSON.stringify(stack.resolve(policy.roles)).includes(`"${role}`)) continue;
    const document = stack.resolve(policy.policyDocument) as { Statement: Statement[] };
    const kept = document.Statement.flatMap((statement) => {
      const actions = [statement.Action].flat();
      if (!actions.includes(action) || !JSON.stringify(statement.Resource).includes(resource)) return [statement];
      isTaken = true;
      const left = actions.filter((one) => one !== action);
      return left.length === 0 ? [] : [{ ...statement, Action: left }];
    });
    policy.policyDocument = { ...document, Statement: kept };
  }
  if (!isTaken) throw new Error(`no policy has the right ${without}`);
}
