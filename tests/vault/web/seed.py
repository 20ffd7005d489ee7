"""The commands of the vendor's documentation, word for word."""

from __future__ import annotations

#: What stands in the commands for what every reader has of their own.
HOST = "https://api.vec.digital"
TOKEN = "YOUR_API_TOKEN"
FOLDER = "/path/to/"
CERTIFICATE = "9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15"
FIRST_FILE = "9e3b101f-c264-4f97-945f-20dfa7163768"
SECOND_FILE = "8d2a0f9e-b1c3-4d86-a570-f12345678901"

UPLOAD = r"""
curl -X POST \
'https://api.vec.digital/business/certificate-vault' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN' \
-F 'certificate_title=Certificate of Achievement' \
-F 'full_name=John Smith' \
-F 'applicant_email=john@example.com' \
-F 'issue_date=2025-06-01' \
-F 'details=Awarded for outstanding performance' \
-F 'certificate_file=@/path/to/certificate.pdf'
"""

UPLOAD_FILE = r"""
curl -X POST \
'https://api.vec.digital/business/certificate-vault/upload-file' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN' \
-F 'file=@/path/to/certificate1.pdf'
"""

BULK = r"""
curl -X POST \
'https://api.vec.digital/business/certificate-vault/bulk' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN' \
-F 'entries[0][certificate_title]=Certificate of Achievement' \
-F 'entries[0][full_name]=John Smith' \
-F 'entries[0][applicant_email]=john@example.com' \
-F 'entries[0][file_id]=9e3b101f-c264-4f97-945f-20dfa7163768' \
-F 'entries[0][issue_date]=2025-06-01' \
-F 'entries[0][details]=Batch entry #1' \
-F 'entries[1][certificate_title]=Certificate of Excellence' \
-F 'entries[1][full_name]=Jane Doe' \
-F 'entries[1][applicant_email]=jane@example.com' \
-F 'entries[1][file_id]=8d2a0f9e-b1c3-4d86-a570-f12345678901' \
-F 'entries[1][issue_date]=2025-06-01' \
-F 'entries[1][details]=Batch entry #2'
"""

LIST = r"""
curl -X GET \
'https://api.vec.digital/business/certificate-vault' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN'
"""

LIST_BY_STATUS = r"""
curl -X GET \
'https://api.vec.digital/business/certificate-vault?status=failed' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN'
"""

LIST_BY_EMAIL = r"""
curl -X GET \
'https://api.vec.digital/business/certificate-vault?applicant_email=john@example.com' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN'
"""

SEARCH = r"""
curl -X GET \
'https://api.vec.digital/business/certificate-vault?search=John' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN'
"""

VIEW = r"""
curl -X GET \
'https://api.vec.digital/business/certificate-vault/9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN'
"""

DOWNLOAD = r"""
curl -X GET \
'https://api.vec.digital/business/certificate-vault/9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15/download' \
-H 'Authorization: Bearer YOUR_API_TOKEN' \
--output certificate.pdf
"""

RETRY = r"""
curl -X POST \
'https://api.vec.digital/business/certificate-vault/9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15/retry' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer YOUR_API_TOKEN'
"""
