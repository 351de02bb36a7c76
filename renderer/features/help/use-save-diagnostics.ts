import { message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'

/** Returns the function that writes the diagnostics file where the user chooses, and shows where it is. */
export function useSaveDiagnostics(): () => Promise<void> {
  const bridge = useBridge()
  const { tell } = useCommands()
  return async () => {
    try {
      const { path } = await bridge.call('saveDiagnostics', {})
      if (path !== null) tell('done', message('diagnostics.written', { file: path }))
    } catch (error) {
      tell('refused', sentenceOfThrown(error))
    }
  }
}
