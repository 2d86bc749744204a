import type { Caller } from '../authenticate/authenticate.ts';
import { findAlias, usableAliases } from '../decode/decode.ts';
import { refuse } from '../failures.ts';
import type { Ports } from '../ports.ts';
import type { Alias } from '../target.ts';
import type { Found } from './lookup.ts';

/** An alias has no day of release; both vendors' clients take the beginning of time for "unknown". */
const UNKNOWN_RELEASE = '1970-01-01T00:00:00Z';

/** Anthropic's most for one page, and here what a client gets that names none: all, as good as always. */
const MOST_A_PAGE = 1_000;

/**
 * `GET /v1/models`: the aliases this key may use. To a client of Anthropic's by pages, where it asks for them (`limit`,
 * `after_id`, `before_id`).
 */
export const listModels =
  (query: URLSearchParams) =>
  (caller: Caller, { gateway }: Ports, isAnthropic: boolean): Found => {
    const aliases = usableAliases(caller, gateway);
    if (!isAnthropic) return { ok: true, body: { object: 'list', data: aliases.map(openaiModel) } };
    const limit = query.get('limit') ?? String(MOST_A_PAGE);
    if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > MOST_A_PAGE)
      return wrong(
        'limit',
        `expected a whole number from 1 to ${MOST_A_PAGE}, got ${JSON.stringify(limit.slice(0, 20))}`,
      );
    const [after, before] = [query.get('after_id'), query.get('before_id')];
    if (after !== null && before !== null) return wrong('before_id', 'expected it or "after_id", got both');
    const start = after === null ? 0 : aliases.findIndex(({ name }) => name === after) + 1;
    const end = before === null ? aliases.length : aliases.findIndex(({ name }) => name === before);
    if ((after !== null && start === 0) || end === -1)
      return wrong(after === null ? 'before_id' : 'after_id', 'expected the id of a model that this key may use');
    const between = aliases.slice(start, end);
    // Backwards, a page is what stands right before the id.
    const page = before === null ? between.slice(0, Number(limit)) : between.slice(-Number(limit));
    const data = page.map(anthropicModel);
    return {
      ok: true,
      body: {
        data,
        has_more: page.length < between.length,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
      },
    };
  };

const wrong = (param: string, problem: string): Found => ({
  ok: false,
  refusal: refuse('invalid_request', `${param}: ${problem}.`, { param, shouldRetry: false }),
});

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
