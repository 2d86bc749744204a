/** What one model takes, where Google's models differ. Sources: ai.google.dev/gemini-api/docs, "Thinking", "Gemini 3 developer guide", "What's new in Gemini 3.6" and 3.8. */
export interface ModelRules {
  thinking: ThinkingRules;
  /** False: temperature, topP and topK are ignored. */
  hasSampling: boolean;
  /** False: presence and frequency penalties are refused. */
  hasPenalties: boolean;
  /** False: a request whose last turn is the model's own is refused. */
  takesPrefill: boolean;
  /** Function calls of the history without a thought signature are refused. */
  wantsSignatures: boolean;
  /** False: a JSON answer can't be asked for beside functions. */
  takesJsonBesideTools: boolean;
  /** Whether a function's result may hold images and documents itself. */
  takesMediaInResults: boolean;
  /** Whether functions can be held to their schemas while the model may choose (mode VALIDATED). */
  hasValidatedMode: boolean;
  hasLogprobs: boolean;
  hasSystemInstruction: boolean;
}

export type ThinkingLevel = 'minimal' | 'low' | 'medium' | 'high';

export type ThinkingRules =
  | { by: 'nothing' }
  /** Tokens. `canBeOff`: 0 is taken. */
  | { by: 'budget'; least: number; most: number; canBeOff: boolean }
  /** From the least to the most. */
  | { by: 'level'; levels: readonly [ThinkingLevel, ...ThinkingLevel[]] };

interface Model {
  /** Hundreds: 250 is 2.5; absent where the name does not say. */
  generation: number | undefined;
  isGemma: boolean;
  isPro: boolean;
  isLite: boolean;
}

const readModel = (name: string): Model => {
  const bare = name.slice(name.lastIndexOf('/') + 1);
  const [, family, major, minor = '0'] = /^(gemini|gemma)-(\d{1,2})(?:\.(\d))?(?![\d.])/.exec(bare) ?? [];
  return {
    generation: major === undefined ? undefined : Number(major) * 100 + Number(minor) * 10,
    isGemma: family === 'gemma' || bare.startsWith('gemma'),
    isPro: /(^|-)pro(-|$)/.test(bare),
    isLite: bare.includes('flash-lite'),
  };
};

const thinkingOf = ({ generation, isGemma, isPro, isLite }: Model): ThinkingRules => {
  if (isGemma || (generation !== undefined && generation < 250)) return { by: 'nothing' };
  if (generation !== undefined && generation < 300) {
    if (isPro) return { by: 'budget', least: 128, most: 32_768, canBeOff: false };
    return { by: 'budget', least: isLite ? 512 : 1, most: 24_576, canBeOff: true };
  }
  if (generation === 300 && isPro) return { by: 'level', levels: ['low', 'high'] };
  // From 3.7 on "minimal" is refused; so it is by every Pro. A name that does not tell may stand for any of them.
  if (generation === undefined || generation >= 370 || isPro) return { by: 'level', levels: ['low', 'medium', 'high'] };
  return { by: 'level', levels: ['minimal', 'low', 'medium', 'high'] };
};

/** @param name the provider's name of the model; one that hides its generation counts as the newest */
export const modelRulesOf = (name: string): ModelRules => {
  const model = readModel(name);
  const { generation = Number.POSITIVE_INFINITY, isGemma, isLite } = model;
  const isStrict = !isGemma && (generation >= 360 || (generation === 350 && isLite));
  const isThird = !isGemma && generation >= 300;
  return {
    thinking: thinkingOf(model),
    // What a hidden name ignores does no harm.
    hasSampling: !isStrict || model.generation === undefined,
    hasPenalties: !isGemma && generation < 250,
    takesPrefill: !isStrict,
    wantsSignatures: isThird,
    takesJsonBesideTools: isThird,
    takesMediaInResults: isThird,
    hasValidatedMode: !isGemma && generation >= 250,
    hasLogprobs: !isGemma && generation < 300,
    hasSystemInstruction: !(isGemma && generation < 400),
  };
};
