// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are sources, to be found and changed
import { type BrokenRule, change } from './broken-rule.ts';

/** What requests keep: the order of holds, entry and call, and each write of theirs. */
export const BROKEN_REQUEST_RULES: readonly BrokenRule[] = [
  {
    name: 'the entry is put beside the holds',
    foundBy: 'a process that dies as its entry arrives',
    order: 'the entry beside the holds',
  },
  {
    name: 'the call is made before its entry is there',
    foundBy: 'an entry that never arrives',
    order: 'the call before the entry',
  },
  {
    name: 'the raise is made beside the holds of the top-up',
    foundBy: 'a top-up without room',
    changes: [
      change(
        'request-ledger.ts',
        "const outcome = await holdOnAccounts(dynamo, healer, request);\n    if (outcome.kind !== 'held') return outcome;\n    const raised = await raiseEntry(dynamo, requestId, raise);",
        "const raising = raiseEntry(dynamo, requestId, raise);\n    raising.catch(() => {});\n    const outcome = await holdOnAccounts(dynamo, healer, request);\n    if (outcome.kind !== 'held') return outcome;\n    const raised = await raising;",
      ),
    ],
  },
  {
    name: 'a top-up does not raise the entry',
    foundBy: 'a death in a dearer call',
    changes: [
      change(
        'request-ledger.ts',
        'const raised = await raiseEntry(dynamo, requestId, raise);',
        "const raised = { kind: 'raised' };",
      ),
    ],
  },
  {
    name: 'holds are sent again by the SDK',
    foundBy: 'a hold that is not heard of',
    changes: [change('hold-accounts.ts', '? await dynamo.updateOnce(holdWrite(', '? await dynamo.update(holdWrite(')],
  },
  {
    name: 'give-backs are sent again by the SDK',
    foundBy: 'a give-back beside a call',
    changes: [
      change('hold-accounts.ts', 'await dynamo.updateOnce(giveBackWrite(', 'await dynamo.update(giveBackWrite('),
    ],
  },
  {
    name: 'a hold is given back twice',
    foundBy: 'a give-back beside a call',
    changes: [
      change(
        'hold-accounts.ts',
        'const written = await dynamo.updateOnce(giveBackWrite(table, key, request));',
        'await dynamo.updateOnce(giveBackWrite(table, key, request));\n        const written = await dynamo.updateOnce(giveBackWrite(table, key, request));',
      ),
    ],
  },
  {
    name: 'a hold that was not answered is given back',
    foundBy: 'a hold that is lost twice',
    changes: [
      change(
        'hold-accounts.ts',
        "=> outcomes[i]?.kind === 'held';",
        "=> ['held', 'unanswered'].includes(outcomes[i]?.kind ?? '');",
      ),
    ],
  },
  {
    name: 'a hold is given back past the floor',
    foundBy: 'a give-back after the close',
    changes: [
      change(
        'account-writes.ts',
        '`attribute_exists(#held) AND #held >= :amount AND ${FLOOR_ALLOWS}`',
        "'attribute_exists(pk)'",
      ),
      change(
        'account-writes.ts',
        "ExpressionAttributeNames: { '#held': heldName(epoch), '#floor': 'floor' },\n  ExpressionAttributeValues: {\n    ':back': toAttribute(-amount),\n    ':amount': toAttribute(amount),\n    ':epoch': toAttribute(epoch),",
        "ExpressionAttributeNames: { '#held': heldName(epoch) },\n  ExpressionAttributeValues: {\n    ':back': toAttribute(-amount),",
      ),
    ],
  },
  {
    name: 'a hold is taken past the floor',
    foundBy: 'a hold by an old clock',
    changes: [
      change(
        'account-writes.ts',
        "' AND committed <= :room' : ''})) AND ${FLOOR_ALLOWS}`",
        "' AND committed <= :room' : ''}))`",
      ),
    ],
  },
  {
    name: 'a hold that was not answered counts as held',
    foundBy: 'a hold that is lost twice',
    changes: [
      change(
        'hold-accounts.ts',
        "if (isLeaked) return { kind: 'unanswered', error: written.error };",
        "return { kind: 'held', item: toItem({ pk: account.key, committed: 0n, spent: 0n, capVersion: 0 }) };",
      ),
    ],
  },
  {
    name: 'nobody looks at the Date, late',
    foundBy: 'a sleep between hold and entry',
    changes: [change('table-time.ts', ' && timeMs <= epochEnd(epoch) + GRACE_MS', '')],
  },
  {
    name: 'nobody looks at the Date, early',
    foundBy: 'a call by a fast clock',
    changes: [change('table-time.ts', 'timeMs >= epochStart(epoch) - GRACE_MS && ', '')],
  },
  {
    name: 'a stale cap is put on an account',
    foundBy: 'a hold by an old policy',
    changes: [
      change(
        'account-writes.ts',
        "(capVersion <= :version${isCapped ? ' AND committed <= :room' : ''})",
        "(${isCapped ? 'committed <= :room' : 'attribute_exists(pk)'})",
      ),
    ],
  },
  {
    name: 'a hold does not look at the cap',
    foundBy: 'two requests at once with room for one',
    changes: [
      change(
        'account-writes.ts',
        "(capVersion <= :version${isCapped ? ' AND committed <= :room' : ''})",
        '(capVersion <= :version)',
      ),
      change('account-writes.ts', "\n        ':room': toAttribute(cap - amount),", ''),
    ],
  },
  {
    name: 'holds are given back though their entry may exist',
    foundBy: 'an entry that arrives unheard',
    order: 'the give-back before the refusal',
  },
  {
    name: 'refusing an entry that has not arrived leaves no tombstone',
    foundBy: 'an entry that arrives after its refusal',
    changes: [
      change(
        'entries.ts',
        "ConditionExpression: 'attribute_not_exists(pk) OR #state = :open',",
        "ConditionExpression: '#state = :open',",
      ),
      change(
        'entries.ts',
        "(written.item !== undefined && stateOf(written.item) === 'refused')) return;",
        "written.item === undefined || stateOf(written.item) === 'refused') return;",
      ),
    ],
  },
  {
    name: 'an entry that has ended is raised',
    foundBy: 'a settlement right before a raise',
    changes: [
      change(
        'entries.ts',
        "ConditionExpression: '#state = :open AND #hold = :from',",
        "ConditionExpression: '#hold = :from',",
      ),
    ],
  },
  {
    name: 'a cap is stamped over a newer one',
    foundBy: 'two changes of a cap at once',
    changes: [
      change('account-writes.ts', "'attribute_exists(pk) AND capVersion <= :version'", "'attribute_exists(pk)'"),
    ],
  },
];
