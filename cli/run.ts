import { type Command, CommanderError } from 'commander'
import { fitOwnPool } from '../core/agent/workers/pool-threads.ts'
import { toSentence } from '../core/lib/i18n/user-error.ts'
import { splitOptions, withPresentNames } from './former-names.ts'
import { loadProgram } from './program.ts'
import { exitNow } from './terminal/exit-now.ts'
import { watchOutput } from './terminal/output-errors.ts'
import { hasNamedWindow, terminalWords, translate } from './terminal/terminal-words.ts'
import { WrongUsage } from './terminal/wrong-usage.ts'

const EXIT_USAGE = 2
const EXIT_FAILED = 1
/** Exit code of `holdfast status` if no agent runs. */
const EXIT_NOT_RUNNING = 3

/** Services keep running after their output is closed. */
const SERVICES = ['agent', 'receive']
/** Commands that exit with 1 if data differs from what was stored, and with 2 if that could not be determined. */
const COULD_NOT_IS_TWO = ['verify', 'restore']

const { words, told } = withPresentNames(process.argv.slice(2))
const [asked = '', ...rest] = words
const isHelp = rest.includes('--help') || rest.includes('-h')
const [, [inner = '']] = splitOptions(rest)
/** `receive` has inner commands, which end. */
const isService = !isHelp && SERVICES.includes(asked) && !['on', 'off', 'show'].includes(inner)
// Before the first use of the pool, which creates all its threads.
const smallerPool = asked === 'receive' && isService ? fitOwnPool('receiver') : null
watchOutput(isService, COULD_NOT_IS_TWO.includes(asked) ? 2 : EXIT_FAILED)

if (told !== null && process.stderr.isTTY) console.error(translate('cli.renamed', told))
if (smallerPool !== null) console.error(smallerPool)
let program: Command | null = null
try {
  program = await loadProgram(words)
  await program.parseAsync(words, { from: 'user' })
  await offerLink()
} catch (error) {
  if (error instanceof CommanderError) {
    // process.exit() would lose the message about output that could not be written.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
  } else await explain(error)
}

/** Prints a link to the window after a sentence that names it. An agent has printed one at its start. */
async function offerLink(): Promise<void> {
  if (program === null || isService || words.includes('--json') || !hasNamedWindow()) return
  await (await import('./agent/page-link.ts')).offerLinkBelow(program)
}

async function explain(error: unknown): Promise<void> {
  const sentence = toSentence(error)
  console.error(terminalWords(sentence))
  if (error instanceof WrongUsage) process.exit(EXIT_USAGE)
  await offerLink()
  exitNow(sentence.key === 'agent.notRunning' ? EXIT_NOT_RUNNING : EXIT_FAILED)
}
