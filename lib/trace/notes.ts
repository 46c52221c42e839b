/** What is to be known of a run beside its steps, in sentences. */
import type { ProgramImage } from '../image/types'
import type { Context } from './context'

const S_ISUID = 0o4000n
const S_ISGID = 0o2000n

/** The notes of a run; the image's own are the reason of the steps that a program which is not Go does not have. */
export function notesOf(context: Context): string[] {
  const { image } = context
  return [...(image.go ? image.notes : []), ...privilegeNotes(context, image)]
}

/**
 * A set-user-ID program that is traced by somebody without CAP_SYS_PTRACE runs as its caller. The identity that it got
 * is in the auxiliary vector. Source: linux security/commoncap.c cap_bprm_creds_from_file.
 */
function privilegeNotes({ auxv }: Context, image: ProgramImage): string[] {
  const { identity: file } = image
  const [uid, gid] = [auxv.get('AT_EUID'), auxv.get('AT_EGID')]
  if (uid === undefined || gid === undefined) return []
  const notes: string[] = []
  if ((file.mode & S_ISUID) !== 0n && uid !== file.uid) {
    notes.push(
      `set-user-ID of uid ${file.uid}, but it ran as uid ${uid}: a traced program gets no privilege of its file`,
    )
  }
  if ((file.mode & S_ISGID) !== 0n && gid !== file.gid) {
    notes.push(
      `set-group-ID of gid ${file.gid}, but it ran as gid ${gid}: a traced program gets no privilege of its file`,
    )
  }
  return notes
}
