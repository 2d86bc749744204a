/**
 * The load generator: a process of its own, so that its work counts against nobody. Takes one `LoadOrder` at a time over
 * the channel of `fork` and sends back a `LoadResult`.
 */
import { type LoadOrder, runLoad } from './load.ts';

process.on('message', (order: LoadOrder) => {
  runLoad(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
