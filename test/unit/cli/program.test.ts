import { expect, test, vi } from 'vitest'
import { loadProgram } from '../../../cli/program.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test.each(['receive --json show', 'receive show --json', 'settings --json limit', 'events --json sinks'])(
  '`holdfast %s`: --json applies on either side of the inner command',
  async (line) => {
    const print = vi.spyOn(console, 'log').mockReturnValue()
    const words = [...line.split(' '), '--data', temporaryDirectory('json')]
    await (await loadProgram(words)).parseAsync(words, { from: 'user' })
    expect(JSON.parse(String(print.mock.calls[0]?.[0]))).toBeTypeOf('object')
    print.mockRestore()
  },
)
