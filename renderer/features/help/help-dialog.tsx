import { Dialog } from '../../ui/dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { HelpContent } from './help-part.tsx'

interface HelpDialogProps {
  version: string
  opened: boolean
  onClose: () => void
}

/** Shows the help of the More menu. */
export default function HelpDialog({ version, opened, onClose }: HelpDialogProps) {
  const { t } = useWords()
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('window.help')}
      closeButtonProps={{ 'aria-label': t('window.close') }}
    >
      <div className="settings help">
        <HelpContent version={version} />
      </div>
    </Dialog>
  )
}
