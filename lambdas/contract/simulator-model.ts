/**
 * What a simulator model's name asks for: parts joined by `+`, each at most once. `slow-200+tokens-50+cut-20` is an answer
 * of 50 tokens whose first comes after 200 ms and whose connection breaks after 20. Where parts exclude each other, a
 * failure comes before any answer, and `tokens` before `echo`.
 */
export interface SimulatedBehaviour {
  /** Answers with the last user text. What every name does that asks for no `tokens`. */
  echo?: true;
  /** Waits before the first content, milliseconds, and takes as long again over the rest of a stream. */
  slowMs?: number;
  /** Answers with this HTTP status: always, or as often as `flakyPercent` says. */
  failStatus?: number;
  /** Share of the calls that fail, percent; with 500 unless `failStatus` says otherwise. */
  flakyPercent?: number;
  /** The connection breaks after so many output tokens; a shorter answer comes whole. */
  cutAfterTokens?: number;
  /** Never answers; with `cutAfterTokens` it goes silent where it would have broken off. */
  hang?: true;
  /** Answers exactly so many output tokens, or `max_tokens` where that is less. */
  tokens?: number;
  /** Makes vectors of so many numbers, and answers nothing in words. */
  embedDimensions?: number;
}

type Parameter = {
  field: 'slowMs' | 'failStatus' | 'flakyPercent' | 'cutAfterTokens' | 'tokens' | 'embedDimensions';
  min: number;
  max: number;
  unit: string;
};

const PARAMETERS: Record<string, Parameter> = {
  slow: { field: 'slowMs', min: 0, max: 600_000, unit: 'milliseconds' },
  fail: { field: 'failStatus', min: 400, max: 599, unit: 'an HTTP status' },
  flaky: { field: 'flakyPercent', min: 0, max: 100, unit: 'percent' },
  cut: { field: 'cutAfterTokens', min: 0, max: 100_000, unit: 'tokens' },
  tokens: { field: 'tokens', min: 0, max: 100_000, unit: 'tokens' },
  embed: { field: 'embedDimensions', min: 1, max: 4_096, unit: 'numbers' },
};

export const SIMULATOR_MODELS =
  'echo, slow-MS, fail-STATUS, flaky-PERCENT, cut-AFTER_TOKENS, hang, tokens-N, embed-DIMENSIONS, joined by +';

export type ParsedSimulatorModel = { ok: true; behaviour: SimulatedBehaviour } | { ok: false; message: string };

/** Reads a simulator model's name; every part at most once. */
export const parseSimulatorModel = (model: string): ParsedSimulatorModel => {
  const behaviour: SimulatedBehaviour = {};
  for (const part of model.split('+')) {
    const wrong = (message: string): ParsedSimulatorModel => ({
      ok: false,
      message: `"${part}": ${message}; a simulator model is made of ${SIMULATOR_MODELS}`,
    });
    if (part === 'echo' || part === 'hang') {
      if (behaviour[part] !== undefined) return wrong('given twice');
      behaviour[part] = true;
      continue;
    }
    const [, word = '', digits = ''] = /^([a-z]+)-(\d{1,9})$/.exec(part) ?? [];
    const parameter = Object.hasOwn(PARAMETERS, word) ? PARAMETERS[word] : undefined;
    if (parameter === undefined) return wrong('not a behaviour');
    const { field, min, max, unit } = parameter;
    const value = Number(digits);
    if (value < min || value > max) return wrong(`expected ${unit} from ${min} to ${max}`);
    if (behaviour[field] !== undefined) return wrong('given twice');
    behaviour[field] = value;
  }
  return { ok: true, behaviour };
};
