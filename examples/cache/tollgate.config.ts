import { defineGateway } from 'tollgate/config';

/** Answers that cost nothing: of the very same request, and of one that means the same. */
export default defineGateway({
  providers: { demo: { kind: 'simulator' } },
  models: {
    // The simulator says the question again: whose answer it is shows.
    helpdesk: {
      targets: [{ provider: 'demo', model: 'echo' }],
      cache: { exact: '1h', semantic: { ttl: '1h' } },
    },
  },
});
