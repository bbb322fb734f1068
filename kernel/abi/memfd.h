/* memfd_create(2), and the seals of fcntl(2). */
#pragma once

#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#define MFD_HUGETLB 4u
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC 0x10u
#define MFD_NAME_MAX 249

#define F_SEAL_SEAL 0x01u
#define F_SEAL_SHRINK 0x02u
#define F_SEAL_GROW 0x04u
#define F_SEAL_WRITE 0x08u
#define F_SEAL_FUTURE_WRITE 0x10u
#define F_SEAL_EXEC 0x20u
#define F_SEALS 0x3fu /* all of them */
