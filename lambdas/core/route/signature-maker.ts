import type { ChatQuirks } from '../../contract/chat-quirks.ts';
import type { SignatureMaker } from '../conversation.ts';

/**
 * Whose signatures a target's model can check, by its provider and the model's family; undefined where it checks none, or
 * where that is not known. A signature that holds for the maker may still be refused by another account of the same maker
 * (OpenAI binds what it encrypts to the organisation): that is the provider's answer, not ours to foresee.
 */
export const signatureMakerOf = (
  { kind, quirks }: { kind: string; quirks?: ChatQuirks },
  dialect: string,
  model: string,
): SignatureMaker | undefined => {
  // Chat completions have no place for OpenAI's own.
  if (dialect === 'openai-responses') return 'openai';
  switch (kind) {
    case 'anthropic':
      return 'anthropic';
    case 'bedrock':
      // The ARN of a profile hides the family; a request that holds signatures came from Claude.
      return /anthropic\.claude/.test(model) || isHidden(model) ? 'anthropic' : undefined;
    case 'gemini':
      return 'google';
    default:
      return quirks?.reasoning === 'extra_content'
        ? 'google'
        : quirks?.reasoning === 'reasoning_details'
          ? makerOfVendor(model)
          : undefined;
  }
};

const isHidden = (model: string): boolean => model.startsWith('arn:') && !/[/.][a-z0-9]+\.[a-z]/.test(model);

/** OpenRouter's names begin with the vendor: `anthropic/claude-sonnet-4.5`, `~anthropic/claude-latest`. */
const makerOfVendor = (model: string): SignatureMaker | undefined => {
  switch (/^~?([a-z]+)\//.exec(model)?.[1]) {
    case 'anthropic':
      return 'anthropic';
    case 'google':
      return 'google';
    case 'openai':
      return 'openai';
    default:
      return undefined;
  }
};
