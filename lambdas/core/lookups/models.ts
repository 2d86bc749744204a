import type { Caller } from '../authenticate/authenticate.ts';
import { findAlias, usableAliases } from '../decode/decode.ts';
import type { Ports } from '../ports.ts';
import type { Alias } from '../target.ts';
import type { Found } from './lookup.ts';

/** An alias has no day of release; both vendors' clients take the beginning of time for "unknown". */
const UNKNOWN_RELEASE = '1970-01-01T00:00:00Z';

/** `GET /v1/models`: the aliases this key may use. */
export const listModels = (caller: Caller, { gateway }: Ports, isAnthropic: boolean): Found => {
  const aliases = usableAliases(caller, gateway);
  if (!isAnthropic) return { ok: true, body: { object: 'list', data: aliases.map(openaiModel) } };
  const data = aliases.map(anthropicModel);
  return { ok: true, body: { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null } };
};

/** `GET /v1/models/{id}`. */
export const showModel =
  (id: string) =>
  (caller: Caller, { gateway }: Ports, isAnthropic: boolean): Found => {
    const alias = findAlias(id, caller, gateway);
    if ('code' in alias) return { ok: false, refusal: alias };
    return { ok: true, body: isAnthropic ? anthropicModel(alias) : openaiModel(alias) };
  };

const openaiModel = ({ name }: Alias) => ({ id: name, object: 'model', created: 0, owned_by: 'tollgate' });

const anthropicModel = ({ name }: Alias) => ({
  type: 'model',
  id: name,
  display_name: name,
  created_at: UNKNOWN_RELEASE,
});
