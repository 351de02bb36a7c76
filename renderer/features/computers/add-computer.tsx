import { lazy, Suspense } from 'react'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'

const ComputerForm = lazy(() => import('./computer-form.tsx'))

/** The dialog that adds a computer to watch. */
export function AddComputer({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  return (
    <FormDialog opened={opened} title={t('window.computers.addTitle')} onClose={onClose}>
      <Suspense fallback={null}>
        <ComputerForm onDone={onClose} />
      </Suspense>
    </FormDialog>
  )
}
