/**
 * The development stage of the deployment: `npx cdk deploy`. It takes over the models, budgets and limits that `npm start`
 * has, and says where the deployed functions find the provider keys: in Secrets Manager, put there by
 * `npx tollgate secrets put NAME`. A deployed stack refuses `env:` keys, since they would stand in its template.
 */
import { defineGateway } from 'tollgate/config';
import local from '../tollgate.config.ts';

export default defineGateway({
  ...local,
  providers: {
    ...local.providers,
    openai: { kind: 'openai', apiKey: 'secret:tollgate/openai' },
    anthropic: { kind: 'anthropic', apiKey: 'secret:tollgate/anthropic' },
  },
});
