import { expect, test } from '@jest/globals';
import { modelRulesOf } from '../../../lambdas/dialects/gemini/model-rules.ts';

test.each<[string, object]>([
  [
    'gemini-2.0-flash-001',
    { thinking: { by: 'nothing' }, hasPenalties: true, takesPrefill: true, wantsSignatures: false },
  ],
  [
    'gemini-2.5-flash',
    { thinking: { by: 'budget', canBeOff: true, most: 24_576 }, hasPenalties: false, takesJsonBesideTools: false },
  ],
  ['gemini-2.5-flash-lite', { thinking: { by: 'budget', least: 512 } }],
  ['models/gemini-2.5-pro', { thinking: { by: 'budget', least: 128, most: 32_768, canBeOff: false } }],
  ['gemini-3-pro-preview', { thinking: { levels: ['low', 'high'] }, wantsSignatures: true, takesMediaInResults: true }],
  ['gemini-3.1-pro-preview-customtools', { thinking: { levels: ['low', 'medium', 'high'] }, hasSampling: true }],
  ['gemini-3-flash-preview', { thinking: { levels: ['minimal', 'low', 'medium', 'high'] }, takesPrefill: true }],
  ['gemini-3.5-flash', { hasSampling: true, takesPrefill: true }],
  ['gemini-3.5-flash-lite', { hasSampling: false, takesPrefill: false }],
  [
    'gemini-3.6-flash',
    { thinking: { levels: ['minimal', 'low', 'medium', 'high'] }, hasSampling: false, takesPrefill: false },
  ],
  ['gemini-3.8-flash', { thinking: { levels: ['low', 'medium', 'high'] }, hasSampling: false, hasLogprobs: false }],
  ['gemini-4-argon', { thinking: { levels: ['low', 'medium', 'high'] }, wantsSignatures: true, takesPrefill: false }],
  // What is ignored does no harm: a name that may stand for a model that heeds it is asked.
  [
    'gemini-pro-latest',
    { thinking: { levels: ['low', 'medium', 'high'] }, hasSampling: true, takesPrefill: false, wantsSignatures: true },
  ],
  ['tunedModels/mine', { thinking: { by: 'level' }, hasSampling: true, hasPenalties: false }],
  [
    'gemma-3-27b-it',
    { thinking: { by: 'nothing' }, hasSystemInstruction: false, wantsSignatures: false, takesPrefill: true },
  ],
  ['gemma-4-31b-it', { thinking: { by: 'nothing' }, hasSystemInstruction: true, hasValidatedMode: false }],
])('%s', (model, rules) => {
  expect(modelRulesOf(model)).toMatchObject(rules);
});
