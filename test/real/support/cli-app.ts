import { App, CfnOutput, CliCredentialsStackSynthesizer, type IStackSynthesizer, Stack } from 'aws-cdk-lib';
import { User } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { AiGateway } from '../../../lib/ai-gateway.ts';
import { GRANTED_COMMANDS } from '../../../lib/cli-rights.ts';

/**
 * A gateway inside a construct of somebody else's stack, and for each job at the command line a user who may do that and no
 * more (emulator-cli.test.ts). It deploys with the caller's credentials, since the emulator refuses the bootstrap's roles
 * what AWS lets them do.
 */
const stack = new Stack(new App(), 'Shop', {
  synthesizer: new CliCredentialsStackSynthesizer() as IStackSynthesizer,
});
new CfnOutput(stack, 'ShopLedgerTable', { value: 'of the shop' });
const gateway = new AiGateway(new Construct(stack, 'Inner'), 'Ai-1', {
  config: {
    providers: {
      demo: { kind: 'simulator' },
      vendor: { kind: 'openai', apiKey: 'secret:tollgate/vendor' },
    },
    // Its canary answers everything, so that there is something to compare.
    models: { demo: { targets: [{ provider: 'demo', model: 'echo', canary: { model: 'echo+slow-1', share: 1 } }] } },
    budgets: { teams: { search: { monthly: '$100' } } },
  },
  responseTransfer: 'buffered',
  retainState: false,
});
for (const grant of Object.keys(GRANTED_COMMANDS) as (keyof typeof GRANTED_COMMANDS)[])
  gateway[grant](new User(stack, grant, { userName: grant }));
new User(stack, 'nobody', { userName: 'nobody' });
