import * as audits from './audit-scenarios.ts';
import type { BrokenOrder } from './client.ts';
import * as closing from './closing-scenarios.ts';
import * as holding from './holding-scenarios.ts';
import { Violation } from './stage.ts';

/**
 * What chance brings about too seldom, played by hand. Each plays one short story of several processes and ends at rest,
 * where accounts, entries, seals and the audit must agree.
 */
export const SCENARIOS = {
  'two requests at once with room for one': holding.holdTwiceAtOnce,
  'an entry that arrives unheard': holding.openUnheard,
  'a process that dies as its entry arrives': holding.dieAsTheEntryArrives,
  'an entry that never arrives': holding.openInVain,
  'an entry that arrives after its refusal': holding.openAfterRefusing,
  'a top-up without room': holding.topUpWithoutRoom,
  'a death in a dearer call': holding.topUpAndDie,
  'a settlement right before a raise': holding.topUpAtTheClose,
  'a give-back beside a call': holding.giveBackBesideACall,
  'a hold that is lost twice': holding.holdInVain,
  'a hold that is not heard of': holding.holdUnheard,
  'a sleep between hold and entry': holding.sleepBeforeTheEntry,
  'a give-back after the close': holding.giveBackLate,
  'a hold by an old clock': holding.holdByAnOldClock,
  'a call by a fast clock': holding.callByAFastClock,
  'a hold by an old policy': holding.holdByAnOldPolicy,
  'two changes of a cap at once': holding.capChangesTwice,
  'a raise right before the closer loses its entry': closing.raiseBeforeLosing,
  'a settlement right before the closer loses its entry': closing.settleBeforeLosing,
  'a settlement after the close': closing.settleAfterTheClose,
  'two settlements after the close': closing.settleTwiceAfterTheClose,
  'a correction that sleeps until its epoch is closed': closing.correctIntoAClosedEpoch,
  'a correction right before the closer writes its account': closing.projectBeforeClosing,
  'a give-back right before the closer writes its account': closing.giveBackBeforeClosing,
  'an older hold right before the closer writes its account': closing.holdBeforeClosing,
  'a first hold right before the closer writes its account': closing.holdBeforeFirstClosing,
  'a closer right after the end of an epoch': closing.closeRightAfterTheEnd,
  'a closer that dies between two accounts': closing.dieBetweenTwoAccounts,
  'a closer that dies before it says so': closing.dieBeforeSayingSo,
  'a closer that sleeps before it says so': closing.sleepBeforeSayingSo,
  'a leak that somebody meets': closing.meetALeak,
  'a hold that is heard of after the close': closing.hearAfterTheClose,
  'a refusal after the close': closing.refuseAfterTheClose,
  'a record after the close': closing.projectAfterClosing,
  'a batch that comes twice': closing.projectTwice,
  'a batch of old and new that comes twice': closing.projectOldAndNewTwice,
  'two audits that repair at once': audits.repairAtOnce,
  'a close right before a repair': audits.closeBeforeRepairing,
  'two audits that add up at once': audits.addUpAtOnce,
  'an audit that sleeps before it compares': audits.sleepBeforeComparing,
  'an audit that goes on with another’s step': audits.goOnWithAnothersStep,
  'an audit that dies before its step is done': audits.dieBeforeTheStepIsDone,
} as const satisfies Record<string, (order?: BrokenOrder) => Promise<void>>;

export type ScenarioName = keyof typeof SCENARIOS;

export { Violation };
