import { defineGateway } from 'tollgate/config';

export default defineGateway({
  providers: { demo: { kind: 'simulator' } },
  models: { demo: { targets: [{ provider: 'demo', model: 'echo' }] } },
});
