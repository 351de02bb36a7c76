// @module-tag story
import { symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { historyAnswerSchema } from '../../../core/check/checker-messages.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

it('`holdfast history`: prints the running agent’s check history and rejects a path that is not checked', async () => {
  const data = temporaryDirectory('data')
  const checked = temporaryDirectory('checked')
  const sources = [{ id: 'source', path: temporaryDirectory('source'), name: 'photos' }]
  const settings = {
    check: { intervalSeconds: 1 },
    checkedPaths: [{ id: 'checked', path: checked }],
    sources,
  }
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify({ version: 1, ...settings }))
  startHoldfast(['agent', '--data', data])
  const ask = async (...words: string[]) => {
    const command = startHoldfast(['history', ...words, '--data', data])
    return { code: await command.ended(), out: command.out(), err: command.err() }
  }
  const answer = await until('two checks in the history', async () => {
    const { code, out } = await ask(checked, '--json')
    const parsed = code === 0 ? historyAnswerSchema.parse(JSON.parse(out)) : null
    return parsed !== null && parsed.points.length >= 2 && parsed
  })
  // On a busy machine a check may be slow, or late.
  expect(answer.points.filter(({ gravest }) => !['ok', 'slow', 'hung'].includes(gravest))).toEqual([])
  expect(answer.spanMs).toBe(0)
  const { out } = await ask(checked, '--points', '1')
  expect(out).toMatch(
    /^time \(UTC\) +checks +median ms +p99 ms +max ms +verdicts\n\S+ +\d+ +[\d.]+ +[\d.]+ +[\d.]+ +(ok|slow|hung) \d+.*\nA row covers 1 day, from its time on\.\n$/,
  )
  const link = path.join(temporaryDirectory('link'), 'checked')
  symlinkSync(checked, link)
  expect((await ask(link)).code).toBe(0)
  expect((await ask('photos')).code).toBe(0)
  expect(await ask('/elsewhere')).toMatchObject({
    code: 1,
    err: expect.stringContaining('/elsewhere is neither'),
  })
  expect((await ask(checked, '--hours', 'many')).code).toBe(2)
})
