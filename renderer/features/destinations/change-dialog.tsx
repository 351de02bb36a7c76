import type { AppState } from '../../../core/agent/state/schema.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { DestinationForm, type Known } from './destination-form.tsx'

interface ChangeDialogProps {
  known: Known
  state: AppState
  opened: boolean
  onClose: () => void
}

/** Changes how a destination is reached; the location of the files in it stays. */
export function ChangeDialog({ known, state, opened, onClose }: ChangeDialogProps) {
  const { t } = useWords()
  const { kind, name } = known.settings
  return (
    <FormDialog opened={opened} title={t('window.destinations.changeTitle', { name })} onClose={onClose}>
      <DestinationForm kind={kind} known={known} state={state} onBack={null} onDone={onClose} />
    </FormDialog>
  )
}
