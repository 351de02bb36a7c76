import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createProposal } from '../../../core/receive/proposing.ts'
import { openSenders } from '../../../core/store/senders/senders.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string]
const TEXT = JSON.stringify({ check: { intervalSeconds: 60 } })

async function openPaired() {
  const file = path.join(temporaryDirectory('proposals'), 'senders.json')
  const senders = await openSenders(file, null)
  await senders.pair(A, 'a', 1, null)
  await senders.pair(B, 'b', 1, null)
  return { file, senders }
}

test('proposals of a receiver: one for each sender, which waits until it is decided', async () => {
  const { file, senders } = await openPaired()
  const proposal = createProposal(TEXT, 'wei\u001b[2J', 5)
  expect(proposal).toMatchObject({ by: 'wei [2J', at: 5, settings: ['check.intervalSeconds'] })
  await senders.propose([A, B], proposal)
  expect(senders.findWaiting('a')).toMatchObject({ id: proposal.id, state: 'waiting', text: TEXT })

  const reason = { sentence: 'No.', words: null }
  // The decision about another proposal, or about one that is decided, changes nothing.
  await senders.decide('a', { id: 'ff', accepted: true, sentence: null, words: null }, 6)
  expect(senders.known(A)?.proposal).toMatchObject({ state: 'waiting' })
  await senders.decide('a', { id: proposal.id, accepted: false, ...reason }, 7)
  await senders.decide('a', { id: proposal.id, accepted: true, ...reason }, 8)
  expect(senders.findWaiting('a')).toBeNull()
  const again = await openSenders(file, null)
  expect(again.known(A)?.proposal).toMatchObject({ state: 'declined', decidedAt: 7, sentence: 'No.' })
  expect(again.findWaiting('b')).toMatchObject({ id: proposal.id })

  const next = createProposal(TEXT, 'wei', 9)
  await again.propose([A, B], next)
  expect([again.findWaiting('a')?.id, again.findWaiting('b')?.id]).toEqual([next.id, next.id])
  await again.withdraw([B])
  expect(again.known(B)?.proposal).toBeNull()
  expect(again.findWaiting('a')).toMatchObject({ id: next.id })
})

test('proposals of a receiver: withdrawing leaves a decided one, and a replaced computer keeps one that waits', async () => {
  const { senders } = await openPaired()
  const proposal = createProposal(TEXT, 'wei', 5)
  await senders.propose([A, B], proposal)
  await senders.decide('b', { id: proposal.id, accepted: true, sentence: null, words: null }, 6)
  await senders.withdraw([B])
  expect(senders.known(B)?.proposal).toMatchObject({ state: 'accepted' })
  await senders.pair(C, 'c', 7, 'a')
  expect(senders.findWaiting('a')).toMatchObject({ id: proposal.id })
  await senders.pair(A, 'd', 8, 'b')
  expect(senders.known(A)?.proposal).toBeNull()
})

test('proposals of a receiver: an invalid one in the list locks no sender out', async () => {
  const { file, senders } = await openPaired()
  await senders.propose([A], createProposal(TEXT, 'wei', 5))
  writeFileSync(file, readFileSync(file, 'utf8').replace('"waiting"', '"later"'))
  const again = await openSenders(file, null)
  expect(again.accepted(A)).toMatchObject({ name: 'a', proposal: null })
})
