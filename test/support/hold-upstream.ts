import type { TestGateway } from './start-gateway.ts';

/** No call reaches its target until what is returned is called: who is to meet under way does so, however slow the machine is. */
export const holdUpstream = ({ gateway: { ports } }: TestGateway): (() => void) => {
  const gate = Promise.withResolvers<void>();
  const { upstream } = ports;
  ports.upstream = {
    send: async (...call) => {
      await gate.promise;
      return upstream.send(...call);
    },
  };
  return gate.resolve;
};

/** Waits until so many requests have been admitted: each has its entry before anybody is called. */
export const admitted = async ({ gateway }: TestGateway, count: number): Promise<void> => {
  while ((await gateway.ports.ledger.tail({ limit: 1_000 })).length < count)
    await new Promise((resolve) => setTimeout(resolve, 5));
};
