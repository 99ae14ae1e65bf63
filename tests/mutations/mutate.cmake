# Writes OUT: FILE with INSTEAD in the one place where WITHOUT stands.
file(READ "${FILE}" source)
string(FIND "${source}" "${WITHOUT}" first)
string(FIND "${source}" "${WITHOUT}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "${FILE} has not exactly one\n  ${WITHOUT}\nThe guard has moved: tests/mutations follows it.")
endif()
string(REPLACE "${WITHOUT}" "${INSTEAD}" source "${source}")
file(WRITE "${OUT}" "${source}")
