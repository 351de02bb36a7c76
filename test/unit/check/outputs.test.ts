import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { formatEvent, reply, wellEvent } from '../../../core/check/stdio/event.ts'
import { createEventOutput, createLogOutput } from '../../../core/check/stdio/outputs.ts'
import { settled } from '../../support/check-clock.ts'

/** A parent that reads only when the test lets it. */
function slowReader() {
  let text = ''
  let release: (() => void) | null = null
  const stream = new Writable({
    write: (chunk, _, done) => {
      text += chunk
      release = () => done()
    },
  })
  return {
    stream,
    lines: () => text.trimEnd().split('\n'),
    readAll: async () => {
      while (release !== null) {
        const next: () => void = release
        release = null
        next()
        await settled()
      }
    },
  }
}

const format = (event: Parameters<typeof formatEvent>[0]) => formatEvent(event, { quoted: false })

describe('the events of a parent that does not read', () => {
  it('are bounded: of each path’s checks the newest waits, and no reply is lost', async () => {
    const { stream, lines, readAll } = slowReader()
    const output = createEventOutput(stream, format)
    for (let round = 0; round < 20_000; round += 1) {
      for (const path of ['/a', '/b']) output.say(wellEvent(path, round))
    }
    expect(stream.writableLength).toBeLessThan(300 * 1024)
    output.say(reply('stop', '/a', 0, 'stopped'))
    output.say(reply('start', '/a', 0, 'started'))
    output.say(wellEvent('/a', 5))
    output.say(wellEvent('/b', 6))
    await readAll()
    await output.drained()
    // The newest check of /a stays before its stop; the one after the start behind it.
    expect(lines().slice(-5)).toEqual([
      'check /a 0 19.999000',
      'check /b 0 0.006000',
      'stop /a 0 stopped',
      'start /a 0 started',
      'check /a 0 0.005000',
    ])
    expect(lines().length).toBeLessThan(20_000)
  })

  it('stop the taking of commands until they are read', async () => {
    const { stream, lines, readAll } = slowReader()
    const output = createEventOutput(stream, format)
    let reliefs = 0
    output.onRelief(() => {
      reliefs += 1
    })
    let said = 0
    while (!output.isBehind()) {
      output.say(reply('stop', `/${said}`, 2, 'not monitoring path'))
      said += 1
    }
    expect(said).toBeLessThan(20_000)
    expect(reliefs).toBe(0)
    await readAll()
    expect(output.isBehind()).toBe(false)
    expect(reliefs).toBeGreaterThan(0)
    expect(lines().length).toBe(said)
  })

  it('end quietly when the parent is gone', async () => {
    const stream = new Writable({ write: (_, __, done) => done(new Error('EPIPE')) })
    const output = createEventOutput(stream, format)
    output.say(wellEvent('/a', 1))
    await settled()
    output.say(wellEvent('/a', 2))
    await output.drained()
    expect(output.isBehind()).toBe(false)
  })
})

describe('the log', () => {
  it('drops what is not read, and says how much', async () => {
    const { stream, lines, readAll } = slowReader()
    const log = createLogOutput(stream)
    for (let count = 0; count < 10_000; count += 1) log('INFO', `message ${count}`)
    expect(stream.writableLength).toBeLessThan(70 * 1024)
    await readAll()
    const kept = lines().length
    log('ERROR', 'two\nlines')
    await readAll()
    expect(lines().slice(kept)).toEqual([
      `WARNING ${10_000 - kept} log messages were dropped, because they were not read`,
      'ERROR two lines',
    ])
  })
})
