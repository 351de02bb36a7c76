import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { useWords } from '../../words/context.tsx'
import { type EntryId, settingsCatalog } from '../settings/catalog.ts'
import { useGo } from '../settings/found.tsx'

type Explanation = CommandOutput<'explainFile'>

interface StepProps {
  explanation: Explanation
  state: AppState
  /** Closes the file's page: the action is on another one. */
  onClose: () => void
  onOpen: (path: string) => void
  onRestore: (from: string) => void
}

/** The rule that a reason comes from. */
const RULES: Readonly<Record<string, EntryId>> = {
  'scan.why.ignored': 'patterns',
  'scan.why.hidden': 'hidden',
  'scan.why.temporary': 'temporary',
  'scan.why.tooSmall': 'leastSize',
  'scan.why.tooLarge': 'mostSize',
  'scan.why.tooYoung': 'age',
  'scan.why.otherFileSystem': 'oneFileSystem',
}

/** Returns the function that finds the window's action for a step; null: only the command does it. */
export function useStepAction({ explanation, state, onClose, onOpen, onRestore }: StepProps) {
  const { t } = useWords()
  const { run } = useCommands()
  const go = useGo(onClose)
  /** Goes to the control of an entry of the search, of the folder or destination with this name. */
  const goToEntry = (id: EntryId, name?: string) => {
    const targets = settingsCatalog.get(id)?.getTargets(state, t) ?? []
    const target = targets.find((one) => one.name === name) ?? targets[0]
    if (target !== undefined) go(target)
  }
  return ({
    sentence,
    about,
  }: Explanation['steps'][number]): { label: string; act: () => unknown } | null => {
    const nameOfDestination = state.destinations.find(({ id }) => id === about)?.name
    switch (sentence.key) {
      case 'why.step.protect':
        return { label: t('window.addDirectory'), act: () => run('addSource', { path: about }) }
      case 'why.step.target':
        return { label: t('window.file.where'), act: () => onOpen(about) }
      case 'why.step.rules': {
        const isRule = ({ key }: Message) => RULES[key] !== undefined
        const rule = RULES[explanation.details.find(isRule)?.key ?? ''] ?? 'patterns'
        return {
          label: t('window.details.part.rules'),
          act: () => goToEntry(rule, explanation.folder?.name),
        }
      }
      case 'why.step.confirm':
        return {
          label: t('window.marked.confirm'),
          act: () => run('answerMarked', { id: about, answer: 'confirm' }, 'window.marked.confirmed'),
        }
      case 'why.step.send':
        return {
          label: t('window.marked.send'),
          act: () => run('answerMarked', { id: about, answer: 'send' }, 'window.marked.sending'),
        }
      case 'why.step.retry':
        return {
          label: t('window.files.retry'),
          act: () => run('retryParked', { id: about }, 'window.files.retried'),
        }
      case 'why.step.restore':
        return { label: t('window.restore.menu'), act: () => onRestore(about) }
      case 'why.step.resume':
        return about === ''
          ? { label: t('window.resume'), act: () => run('resume', {}) }
          : {
              label: t('window.source.resume'),
              act: () => run('changeSource', { id: about, changes: { paused: false } }),
            }
      case 'why.step.limit':
        return {
          label: t('window.settings'),
          act: () => goToEntry(about === 'send.schedule' ? 'schedule' : (about as EntryId)),
        }
      case 'why.step.held':
        return {
          label: t('window.emptied.send'),
          act: () => run('sendAsItIs', { id: about }, 'window.emptied.sending'),
        }
      case 'why.step.use':
        return {
          label: t('window.destination.useAgain'),
          act: () => run('useDestination', { id: about }, 'window.destination.usedAgain'),
        }
      case 'why.step.test':
        return {
          label: t('window.destinations.testMenu'),
          act: () => goToEntry('destinationTest', nameOfDestination),
        }
      case 'why.step.destination':
        return {
          label: t('window.destinations.addTitle'),
          act: () =>
            go({
              ...{ name: null, page: 'destinations' },
              steps: [{ name: t('window.back') }, { name: t('window.destinations.addTitle') }],
            }),
        }
      case 'why.step.failures':
        return { label: t('window.alerts'), act: () => go({ name: null, page: 'alerts', steps: [] }) }
      default:
        return null
    }
  }
}
