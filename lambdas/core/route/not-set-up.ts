import type { ResolvedProvider } from './resolve-target.ts';

/** Providers that can't be called here, each with what is missing, for people. */
export const notSetUp = (names: string[], providers: ReadonlyMap<string, ResolvedProvider>): string => {
  const named = names.map((name) => {
    const settings = providers.get(name)?.settings;
    return `${name} (${settings?.apiKey ?? (settings?.kind === 'bedrock' ? 'AWS credentials' : 'no key')})`;
  });
  return `${named.join(', ')} ${names.length === 1 ? 'is' : 'are'} not set up here`;
};
