import { Button, Group, Loader, Stack, Text } from '@mantine/core'
import { useEffect } from 'react'
import type { Destination } from '../../../core/settings/destination-schema.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { type Confirmed, TestResult } from './test-result.tsx'
import { type Question, useDestinationTest } from './use-destination-test.ts'

interface TestDialogProps {
  destination: Destination
  opened: boolean
  onClose: () => void
}

/** Tests a destination with its present settings. */
export function TestDialog({ destination, opened, onClose }: TestDialogProps) {
  const { t } = useWords()
  return (
    <FormDialog
      opened={opened}
      title={t('window.destinations.testOf', { name: destination.name })}
      onClose={onClose}
    >
      <Test destination={destination} onClose={onClose} />
    </FormDialog>
  )
}

function Test({ destination, onClose }: Omit<TestDialogProps, 'opened'>) {
  const { t } = useWords()
  const { test, isTesting, findResult } = useDestinationTest()
  const { id, ...given } = destination
  const question: Question = { destination: given, secrets: {}, id }
  const asked = JSON.stringify(question)
  // The question is compared by its text: a new object with equal content must not repeat the test.
  useEffect(() => void test(JSON.parse(asked)), [asked, test])
  const tested = findResult(question)
  return (
    <Stack gap="sm">
      {isTesting && (
        <Group gap="xs">
          <Loader size="xs" />
          <Text size="sm">{t('window.destinations.testing')}</Text>
        </Group>
      )}
      {tested !== null && (
        <TestResult tested={tested} confirmed={getConfirmed(destination)} onConfirm={null} />
      )}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" disabled={isTesting} onClick={() => test(question)}>
          {t('window.destinations.testAgain')}
        </Button>
        <Button onClick={onClose} data-autofocus>
          {t('window.close')}
        </Button>
      </Group>
    </Stack>
  )
}

function getConfirmed(destination: Destination): Confirmed {
  return {
    hostKey: 'hostKey' in destination ? destination.hostKey : '',
    certificate: 'certificate' in destination ? (destination.certificate ?? '') : '',
  }
}
