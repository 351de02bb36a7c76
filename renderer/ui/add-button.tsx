import { Button } from '@mantine/core'
import { useWords, type Words } from '../words/context.tsx'
import { IconPlus } from './icons.ts'

interface AddButtonProps {
  label: Parameters<Words['t']>[0]
  disabled?: boolean
  onClick: () => void
}

/** The button below a list that opens the form of a new entry. */
export function AddButton({ label, disabled = false, onClick }: AddButtonProps) {
  const { t } = useWords()
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconPlus size={15} />}
      disabled={disabled}
      onClick={onClick}
    >
      {t(label)}
    </Button>
  )
}
