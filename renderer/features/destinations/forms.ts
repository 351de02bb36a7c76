import type { ComponentType } from 'react'
import { getDestinationSecrets } from '../../../core/settings/destination-catalog.ts'
import type { Destination } from '../../../core/settings/destination-schema.ts'
import {
  type Draft,
  type Field,
  type Given,
  type GivenKind,
  newDraft,
  type Problems,
  type Refuse,
  readSecrets,
} from './draft.ts'
import type { FieldsProps } from './fields.tsx'
import { folderForm } from './folder-fields.tsx'
import { receiverForm } from './receiver-fields.tsx'
import { s3Form } from './s3-fields.tsx'
import { sftpForm } from './sftp-fields.tsx'
import { webdavForm } from './webdav-fields.tsx'

/** The form of one kind of destination. */
export interface KindForm<Kind extends GivenKind> {
  /** The fields of this kind alone. */
  Fields: ComponentType<FieldsProps>
  /** Returns the values that differ from those of a new draft. */
  toDraft(destination: Extract<Destination, { kind: Kind }>, stored: readonly string[]): Partial<Draft>
  /** Returns the destination; passes invalid fields to `refuse`. */
  read(draft: Draft, refuse: Refuse): Omit<Extract<Given, { kind: Kind }>, 'kind' | 'name'>
  /** See `readSecrets`. Omitted: the secrets of the catalogue. */
  readSecrets?(draft: Draft, stored: readonly string[], refuse: Refuse): Record<string, string>
  /** Returns the default name: the last part of the address. */
  getName(draft: Draft): string
}

const forms: { [Kind in GivenKind]: KindForm<Kind> } = {
  receiver: receiverForm,
  folder: folderForm,
  sftp: sftpForm,
  s3: s3Form,
  webdav: webdavForm,
}

// A caller passes a destination or draft of this kind, which TypeScript cannot follow through the table.
export const getForm = (kind: GivenKind) => forms[kind] as KindForm<GivenKind>

/** @param stored names of the destination's stored secrets */
export function toDraft(destination: Destination, stored: readonly string[]): Draft {
  const { name } = destination
  return { ...newDraft(), name, ...getForm(destination.kind).toDraft(destination, stored) }
}

export interface ReadDraft {
  /** null while a field is missing or invalid. */
  given: { destination: Given; secrets: Record<string, string> } | null
  problems: Problems
}

/**
 * Returns the form's values for the agent, or its problems.
 * @param stored names of the destination's stored secrets
 */
export function readDraft(kind: GivenKind, draft: Draft, stored: readonly string[]): ReadDraft {
  const form = getForm(kind)
  const problems: Partial<Record<Field, 'missing' | 'invalid'>> = {}
  const refuse: Refuse = (field, why) => {
    problems[field] = why
  }
  const name = draft.name.trim() || form.getName(draft)
  const destination = { kind, name, ...form.read(draft, refuse) } as Given
  const secrets =
    form.readSecrets?.(draft, stored, refuse) ??
    readSecrets(getDestinationSecrets(kind, draft.login), draft, stored, refuse)
  return { given: Object.keys(problems).length === 0 ? { destination, secrets } : null, problems }
}
